/**
 * The whole path in one program: videos, prepared clips, a trained AVAlignNet, and the score of a video that it has not seen.
 *
 *   npm run example:train                                   on talking faces that are drawn and voiced here
 *   npm run example:train -- --data DIR --held-out FILE     on your own videos
 *
 * It can be stopped at any moment; the same line resumes.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LITE, recipeOf } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { ClipStore, parseClipId, prepareFolder } from '@lipsync/dataloader';
import { type ShownProgress, showProgress, writeEmbeddedDataset, writeTalkingFace } from '@lipsync/embedded-data';
import { shiftAudio } from '@lipsync/media';
import { loadExpert, scoreVideo } from '@lipsync/score';
import { type TrainExpertReport, trainExpert } from '@lipsync/train';

const words = process.argv.slice(2);
const { values: args } = parseArgs({
  args: words[0] === '--' ? words.slice(1) : words,
  options: {
    data: { type: 'string' },
    'held-out': { type: 'string' },
    out: { type: 'string' },
    steps: { type: 'string' },
    preset: { type: 'string', default: 'contrast' },
    seed: { type: 'string', default: '1' },
    backend: { type: 'string', default: 'auto' },
    'clips-per-batch': { type: 'string' },
    'windows-per-clip': { type: 'string' },
  },
});
const whole = (text: string | undefined, fallback: number) => (text === undefined ? fallback : Number(text));

const made = args.data === undefined;
const out = resolve(args.out ?? (made ? 'lipsync-example' : 'lipsync-run'));
const videos = resolve(args.data ?? join(out, 'videos'));
const seed = whole(args.seed, 1);
/** Frames by which the audio of the second scored video is delayed: its offset must come out lower by as much. */
const DELAY = 5;

await selectBackend({ backend: args.backend as 'auto', log: console.error });
if (made) await drawVideos();
await prepare();
const store = await ClipStore.open(join(out, 'clips'));
const { weights } = await train();
await score();

/** 1. Videos: 14 people, and who is seen in which video (labels.json). */
async function drawVideos(): Promise<void> {
  console.error('embedded data: drawn faces and synthetic voices, not real people');
  const size = { people: 14, clipsPerPerson: 3, heldOutPeople: 2 };
  const progress = showProgress('draw', size.people * size.clipsPerPerson);
  await writeEmbeddedDataset(videos, { ...size, seed, onProgress: (done) => progress.update(done) });
  progress.stop();
}

/** 2. Clips: landmarks, mouth crops and mel spectrograms, and a split by people. */
async function prepare(): Promise<void> {
  const people = made ? JSON.parse(await readFile(join(videos, 'labels.json'), 'utf8')) : undefined;
  let progress: ShownProgress | undefined;
  for await (const event of prepareFolder({
    input: videos,
    store: join(out, 'clips'),
    recipe: recipeOf(LITE),
    people,
    log: console.error,
  })) {
    if (event.kind === 'start') {
      progress = showProgress('prepare', event.videos);
      progress.update(event.alreadyDone);
    } else if (event.kind === 'video') {
      for (const { source, reason, detail } of event.result.dropped)
        progress?.log(`dropped ${source}: ${reason} (${detail})`);
      progress?.update(event.done);
    } else {
      progress?.stop();
      const { summary, split } = event;
      console.log(`${summary.clips} clips of ${summary.sources} videos, ${summary.minutes.toFixed(1)} minutes`);
      const clips = Object.values(split?.clips ?? {});
      const validation = clips.filter((clip) => clip.split === 'validation');
      const count = (of: typeof clips) => new Set(of.map(({ identity }) => identity)).size;
      console.log(
        `${count(clips)} people, told apart by ${split?.by}; ${count(validation)} of them (${validation.length} clips) for validation`,
      );
    }
  }
}

/** 3. Training: the library takes the steps and yields what happened; this loop shows it. */
async function train(): Promise<TrainExpertReport> {
  let progress: ShownProgress | undefined;
  let report: TrainExpertReport | undefined;
  const list = args['held-out'];
  for await (const event of trainExpert({
    store,
    out: join(out, 'run'),
    steps: whole(args.steps, made ? 200 : 1000),
    preset: args.preset as 'contrast' | 'thesis',
    heldOut: list === undefined ? undefined : lines(await readFile(resolve(list), 'utf8')),
    seed,
    clipsPerBatch: whole(args['clips-per-batch'], made ? 8 : 12),
    windowsPerClip: whole(args['windows-per-clip'], 6),
    validateEvery: made ? 50 : 100,
  })) {
    if (event.kind === 'start') {
      const parameters = (event.parameters / 1e6).toFixed(2);
      console.error(
        `${event.clips} training clips, ${event.heldOut.length} validation clips; ${parameters} M parameters`,
      );
      if (event.resumedAt > 0) console.error(`resuming after step ${event.resumedAt}`);
      progress = showProgress('train', event.steps);
    } else if (event.kind === 'step') {
      const { step, loss, positiveCosine, negativeCosine, samplesPerSec } = event.entry;
      const cosines = `cosine ${positiveCosine.toFixed(3)} in / ${negativeCosine.toFixed(3)} off`;
      progress?.update(step, `loss ${loss.toFixed(3)} ${cosines} ${samplesPerSec.toFixed(0)} samples/s`);
    } else if (event.kind === 'validation') {
      const { auc, clips } = event.validation;
      progress?.log(`step ${event.step}: AUC ${auc.toFixed(3)} on ${clips} validation clips`);
    } else if (event.kind === 'warning') {
      progress?.log(`warning: ${event.text}`);
    } else {
      report = event.report;
    }
  }
  progress?.stop();
  if (!report) throw new Error('example: the training must end with a report, got none');
  const { validation } = report;
  console.log(
    `validation after ${report.steps} steps: AUC ${validation.auc.toFixed(3)}, balanced accuracy ${validation.accuracy.balanced.toFixed(3)} ` +
      `(single windows, ${validation.clips} clips)`,
  );
  console.log(`weights ${report.weights}\ncurve   ${report.curve}`);
  return report;
}

/** 4. A video that it has not seen, as it is and with delayed audio. */
async function score(): Promise<void> {
  const expert = await loadExpert(weights);
  const [plain, delayed] = await unseenVideos();
  for (const [path, what] of [
    [plain, 'unseen video'],
    [delayed, `the same, its audio ${DELAY} frames later`],
  ] as const) {
    const { faces, problems } = await scoreVideo(path, { expert });
    for (const { offsetFrames, sentence, lseD, lseC } of faces)
      console.log(`${what}: offset ${offsetFrames} (${sentence}), LSE-D ${lseD.toFixed(3)}, LSE-C ${lseC.toFixed(3)}`);
    for (const problem of problems) console.log(`${what}: ${problem}`);
  }
  expert.dispose();
}

async function unseenVideos(): Promise<[string, string]> {
  const paths: [string, string] = [join(out, 'unseen.mp4'), join(out, `unseen-${DELAY}-frames-late.mp4`)];
  if (made) {
    // A person and words that no training clip has.
    const face = { seed: 7001 + seed, personSeed: 9001 + seed, durationSec: 6 };
    await writeTalkingFace(paths[0], face);
    await writeTalkingFace(paths[1], { ...face, audioDelayFrames: DELAY });
    return paths;
  }
  const clips = (await store.manifest())?.clips ?? [];
  const { id } = clips.find(({ split }) => split === 'validation') ?? clips[0];
  const source = join(videos, parseClipId(id).source);
  await shiftAudio(source, paths[1], { frameCount: DELAY });
  return [source, paths[1]];
}

function lines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
}
