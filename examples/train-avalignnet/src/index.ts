/**
 * The whole path in one program: videos, prepared clips, a trained AVAlignNet, and the score of a video it has not seen.
 *
 *   npm run example:train                                   on talking faces that are drawn and voiced here
 *   npm run example:train -- --data DIR --held-out FILE     on your own videos
 *
 * Stop it at any moment; the same line resumes where it stopped.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LITE, loadAVAlignNet } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { createProgress, formatSeconds, showPreparation } from '@lipsync/cli';
import { ClipStore, LANDMARK_QUALITY, parseClipId } from '@lipsync/dataloader';
import { writeEmbeddedDataset, writeTalkingFace } from '@lipsync/embedded-data';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { openMedia, shiftAudio } from '@lipsync/media';
import { scoreVideo } from '@lipsync/score';
import { recipeOf, type TrainReport, trainExpert } from '@lipsync/train';

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
    /** Clips and windows of each in a batch. */
    clips: { type: 'string' },
    windows: { type: 'string' },
  },
});
const whole = (text: string | undefined, fallback: number) => (text === undefined ? fallback : Number(text));

const made = args.data === undefined;
const out = resolve(args.out ?? (made ? 'lipsync-example' : 'lipsync-run'));
const seed = whole(args.seed, 1);
const recipe = recipeOf(LITE);
/** Frames by which the audio of the judged video is late: its offset must come out lower by as much. */
const SHIFT = 5;

// 1. Videos, and which of them stay unseen.
const videos = resolve(args.data ?? join(out, 'videos'));
let heldOut: string[] | undefined;
if (made) {
  console.error('embedded data: drawn faces and made voices, not real people');
  const people = { people: 14, clipsPerPerson: 3, heldOutPeople: 2 };
  const drawing = createProgress({ label: 'draw', total: people.people * people.clipsPerPerson });
  await writeEmbeddedDataset(videos, { ...people, seed, onProgress: (done) => drawing.update(done) });
  drawing.stop();
  heldOut = lines(await readFile(join(videos, 'held-out.txt'), 'utf8'));
} else if (args['held-out']) {
  heldOut = lines(await readFile(resolve(args['held-out']), 'utf8'));
}

// 2. Landmarks, mouth crops and mel spectrograms.
await showPreparation({ input: videos, store: join(out, 'clips'), recipe });

// 3. Training: the library gives the steps, the loop is ours.
await selectBackend({ backend: args.backend as 'auto', log: console.error });
const store = await ClipStore.open(join(out, 'clips'));
const started = Date.now();
let bar: ReturnType<typeof createProgress> | undefined;
let report: TrainReport | undefined;
for await (const event of trainExpert({
  store,
  out: join(out, 'run'),
  steps: whole(args.steps, made ? 200 : 1000),
  preset: args.preset as 'contrast' | 'thesis',
  heldOut,
  seed,
  clipsPerBatch: whole(args.clips, made ? 8 : 12),
  windowsPerClip: whole(args.windows, 6),
  validateEvery: made ? 50 : 100,
})) {
  if (event.kind === 'start') {
    console.error(
      `${event.clips} clips to learn from, ${event.heldOut.length} held out; ${(event.parameters / 1e6).toFixed(2)} M parameters`,
    );
    if (event.resumedAt > 0) console.error(`going on after step ${event.resumedAt}`);
    bar = createProgress({ label: 'train', total: event.steps });
  } else if (event.kind === 'step') {
    const { step, loss, positiveCosine, negativeCosine, samplesPerSec } = event.entry;
    bar?.update(
      step,
      `loss ${loss.toFixed(3)} cosine ${positiveCosine.toFixed(3)} in / ${negativeCosine.toFixed(3)} off ${samplesPerSec.toFixed(0)} samples/s`,
    );
  } else if (event.kind === 'validation') {
    bar?.log(
      `step ${event.step}: AUC ${event.validation.auc.toFixed(3)} on ${event.validation.clips} clips not trained on`,
    );
  } else if (event.kind === 'warning') {
    (bar?.log ?? console.error)(`warning: ${event.text}`);
  } else {
    report = event.report;
  }
}
bar?.stop();
if (!report) throw new Error('example: the training must end with a report, got none');
const { validation } = report;
console.log(`trained ${report.steps} steps in ${formatSeconds((Date.now() - started) / 1000)}`);
console.log(
  `not trained on: AUC ${validation.auc.toFixed(3)}, balanced accuracy ${validation.accuracy.balanced.toFixed(3)} (single windows, ${validation.clips} clips)`,
);
console.log(`weights ${report.weights}\ncurve   ${report.curve}`);

// 4. A video that it has not seen, as it is and with its audio later.
const expert = await loadAVAlignNet(await readFile(report.weights));
const reader = await openMedia({ log: console.error });
const detector = await createLandmarkDetector(LANDMARK_QUALITY.fast.detector);
const [plain, late] = await judgedVideos();
for (const [path, what] of [
  [plain, 'unseen video'],
  [late, `the same, its audio ${SHIFT} frames later`],
] as const) {
  const { tracks, problems } = await scoreVideo(path, {
    expert,
    reader,
    detector,
    collect: LANDMARK_QUALITY.fast.collect,
  });
  for (const { offsetFrames, sentence, lseD, lseC } of tracks) {
    console.log(`${what}: offset ${offsetFrames} (${sentence}), LSE-D ${lseD.toFixed(3)}, LSE-C ${lseC.toFixed(3)}`);
  }
  for (const problem of problems) console.log(`${what}: ${problem}`);
}
detector.dispose();
expert.dispose();

async function judgedVideos(): Promise<[string, string]> {
  const paths: [string, string] = [join(out, 'unseen.mp4'), join(out, `unseen-${SHIFT}-frames-late.mp4`)];
  if (made) {
    // A person of the held-out kind: a seed that no training clip has.
    const face = { seed: 7001 + seed, personSeed: 9001 + seed, durationSec: 6 };
    await writeTalkingFace(paths[0], face);
    await writeTalkingFace(paths[1], { ...face, audioDelayFrames: SHIFT });
    return paths;
  }
  const [first] = (await store.list()).filter(
    (id) => heldOut === undefined || heldOut.some((name) => id.includes(name)),
  );
  const source = join(videos, parseClipId(first).source);
  await shiftAudio(source, paths[1], { frameCount: SHIFT });
  return [source, paths[1]];
}

function lines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
}
