/**
 * The whole path in one program: videos, prepared clips, a trained AVAlignNet, and the score of a video that it has not seen.
 *
 *   npm run example:train                                   on talking faces that are drawn and voiced here
 *   npm run example:train -- --data DIR --held-out FILE     on your own videos
 *   npm run example:train -- --data DIR --recipe NAME       in the stages of a recipe: recipes/NAME.json
 *
 * It can be stopped at any moment; the same line resumes.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LITE, recipeOf } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { ClipStore, parseClipId } from '@lipsync/dataloader';
import { showProgress, writeEmbeddedDataset, writeTalkingFace } from '@lipsync/embedded-data';
import { shiftAudio } from '@lipsync/media';
import { loadExpert, scoreVideo } from '@lipsync/score';
import { readLines } from './read-lines';
import { runRecipe } from './recipe/run-recipe';
import { showPreparation } from './show-preparation';
import { showTraining } from './show-training';

const words = process.argv.slice(2);
const { values: args } = parseArgs({
  args: words[0] === '--' ? words.slice(1) : words,
  options: {
    data: { type: 'string' },
    'held-out': { type: 'string' },
    recipe: { type: 'string' },
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
if (args.recipe === undefined) await trainAndScore();
else await runRecipe(args.recipe, { data: videos, out });

async function trainAndScore(): Promise<void> {
  if (made) await drawVideos();
  await showPreparation({
    input: videos,
    store: join(out, 'clips'),
    recipe: recipeOf(LITE),
    people: made ? JSON.parse(await readFile(join(videos, 'labels.json'), 'utf8')) : undefined,
  });
  const store = await ClipStore.open(join(out, 'clips'));
  const list = args['held-out'];
  const { weights } = await showTraining({
    store,
    out: join(out, 'run'),
    steps: whole(args.steps, made ? 200 : 1000),
    preset: args.preset as 'contrast' | 'thesis',
    heldOut: list === undefined ? undefined : await readLines(resolve(list)),
    seed,
    clipsPerBatch: whole(args['clips-per-batch'], made ? 8 : 12),
    windowsPerClip: whole(args['windows-per-clip'], 6),
    validateEvery: made ? 50 : 100,
  });
  await score(weights, store);
}

/** Videos: 14 people, and who is seen in which video (labels.json). */
async function drawVideos(): Promise<void> {
  console.error('embedded data: drawn faces and synthetic voices, not real people');
  const size = { people: 14, clipsPerPerson: 3, heldOutPeople: 2 };
  const progress = showProgress('draw', size.people * size.clipsPerPerson);
  await writeEmbeddedDataset(videos, { ...size, seed, onProgress: (done) => progress.update(done) });
  progress.stop();
}

/** A video that it has not seen, as it is and with delayed audio. */
async function score(weights: string, store: ClipStore): Promise<void> {
  const expert = await loadExpert(weights);
  const [plain, delayed] = await unseenVideos(store);
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

async function unseenVideos(store: ClipStore): Promise<[string, string]> {
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
