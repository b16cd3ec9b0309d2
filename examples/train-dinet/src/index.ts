/**
 * A generator from video files to an evaluation: face images, a sync network as its sync loss, the stage of single frames,
 * the stage of clips, and a table of figures.
 *
 *   npm run example:train-dinet                                   on talking faces that are drawn and voiced here
 *   npm run example:train-dinet -- --data DIR --held-out FILE     on your own videos
 *
 * Stop it at any moment; the same line resumes where it stopped.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LITE, loadAVAlignNet, recipeOf } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { readStateDict } from '@lipsync/checkpoints';
import type { SyncRecipe } from '@lipsync/contracts';
import { ClipStore, prepareFolder } from '@lipsync/dataloader';
import { LITE_DINET, loadDinet } from '@lipsync/dinet';
import { type ShownProgress, showProgress, writeEmbeddedDataset } from '@lipsync/embedded-data';
import { ImageFeatures } from '@lipsync/nn';
import {
  evaluateGenerator,
  type TrainExpertEvent,
  type TrainGeneratorEvent,
  trainExpert,
  trainGenerator,
} from '@lipsync/train';

const words = process.argv.slice(2);
const { values: args } = parseArgs({
  args: words[0] === '--' ? words.slice(1) : words,
  options: {
    data: { type: 'string' },
    'held-out': { type: 'string' },
    out: { type: 'string' },
    mouth: { type: 'string', default: '64' },
    /** VGG-19's weights, or none. */
    perceptual: { type: 'string', default: 'none' },
    /** Steps of the sync network, of single frames, and of clips. */
    'expert-steps': { type: 'string' },
    'frame-steps': { type: 'string' },
    'clip-steps': { type: 'string' },
    /** Channels of the generator's first layer. */
    width: { type: 'string' },
    seed: { type: 'string', default: '1' },
    backend: { type: 'string', default: 'auto' },
  },
});
const made = args.data === undefined;
const whole = (text: string | undefined, embedded: number, real: number) =>
  text === undefined ? (made ? embedded : real) : Number(text);
const out = resolve(args.out ?? (made ? 'lipsync-dinet-example' : 'lipsync-dinet-run'));
const seed = Number(args.seed);
const mouth = Number(args.mouth);
const width = whole(args.width, 8, 16);

// 1. Videos, and which of them are held out.
const videos = resolve(args.data ?? join(out, 'videos'));
let heldOut: string[] | undefined;
if (made) {
  console.error('embedded data: drawn faces and made voices, not real people');
  const people = { people: 8, clipsPerPerson: 3, heldOutPeople: 1 };
  const drawing = showProgress('draw', people.people * people.clipsPerPerson);
  await writeEmbeddedDataset(videos, { ...people, seed, onProgress: (done) => drawing.update(done) });
  drawing.stop();
  heldOut = lines(await readFile(join(videos, 'held-out.txt'), 'utf8'));
} else if (args['held-out']) {
  heldOut = lines(await readFile(resolve(args['held-out']), 'utf8'));
}

// 2. Face images; the sync network takes their mouth boxes.
const recipe: SyncRecipe = {
  ...recipeOf(LITE),
  crop: { kind: 'dinet', size: 48, upright: 'median of five', sampling: 'exact' },
};
const people = made ? JSON.parse(await readFile(join(videos, 'labels.json'), 'utf8')) : undefined;
let preparing: ShownProgress | undefined;
for await (const event of prepareFolder({
  ...{ input: videos, store: join(out, 'clips'), recipe, crop: { kind: 'dinet head', mouth }, people },
})) {
  if (event.kind === 'start') preparing = showProgress('prepare', event.videos);
  else if (event.kind === 'video') preparing?.update(event.done);
}
preparing?.stop();
const store = await ClipStore.open(join(out, 'clips'));

// 3. The sync network that supervises the generator.
await selectBackend({ backend: args.backend as 'auto', log: console.error });
const common = { store, heldOut, seed };
const supervisor = await follow(
  'train expert',
  trainExpert({
    ...common,
    out: join(out, 'expert'),
    recipe,
    steps: whole(args['expert-steps'], 100, 1000),
    ...(made ? { clipsPerBatch: 8 } : {}),
    validateEvery: made ? 50 : 100,
  }),
);
if (supervisor.validation.auc < 0.65)
  console.error(
    `warning: the sync network's AUC is ${supervisor.validation.auc.toFixed(3)}; below 0.65 its loss is of little use`,
  );
const expert = await loadAVAlignNet(await readFile(supervisor.weights));

// 4. The generator: single frames first, then clips with the sync loss.
const perceptual = args.perceptual === 'none' ? 'none' : await loadVgg(args.perceptual);
const config = { ...LITE_DINET, width, referenceChannels: 4 * width };
// Larger steps than the published ones, for a short run.
const brisk = made ? { clipNorm: 1, weights: { image: 10, gan: 0.003, sync: 0.1 } } : {};
const frames = await follow(
  'train frame',
  trainGenerator({
    ...common,
    out: join(out, 'frame'),
    config,
    perceptual,
    ...brisk,
    steps: whole(args['frame-steps'], 250, 4000),
    ...(made ? { batch: 8, learningRate: 2e-3 } : {}),
  }),
);
const clips = await follow(
  'train clip',
  trainGenerator({
    ...common,
    out: join(out, 'clip'),
    stage: 'clip',
    from: frames.weights,
    expert,
    perceptual,
    ...brisk,
    steps: whole(args['clip-steps'], 60, 1500),
    ...(made ? { batch: 1, learningRate: 5e-4 } : {}),
  }),
);

// 5. Evaluation on people that it was not trained on.
const generator = await loadDinet(clips.weights);
const held = heldOut && (await store.list()).filter((id) => heldOut.some((name) => id.includes(name)));
const evaluating = showProgress('evaluate', held?.length ?? (await store.list()).length);
const evaluation = await evaluateGenerator({
  generator,
  store,
  clips: held,
  experts: [expert],
  seed,
  onClip: (done) => evaluating.update(done),
});
evaluating.stop();
for (const { of, audio, ssim, psnr, sync } of evaluation.rows)
  console.log(
    `${of}, ${audio} audio: SSIM ${ssim?.toFixed(4)}, PSNR ${psnr?.toFixed(2)} dB, LSE-D ${sync[0].lseD.toFixed(3)}, LSE-C ${sync[0].lseC.toFixed(3)}`,
  );
await writeFile(join(out, 'evaluation.json'), `${JSON.stringify({ ...evaluation, sheet: undefined }, null, 2)}\n`);
if (evaluation.sheet) await writeFile(join(out, 'sheet.png'), evaluation.sheet);
console.log(`weights ${clips.weights}\ncurve   ${clips.curve}\nsheet   ${join(out, 'sheet.png')}`);
generator.dispose();
expert.dispose();
if (perceptual !== 'none') perceptual.dispose();

function lines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

/** VGG-19 with the weights of torchvision's file. */
async function loadVgg(path: string): Promise<ImageFeatures> {
  const network = new ImageFeatures('vgg19');
  const { state } = await readStateDict(await readFile(path));
  network.loadStateDict(new Map([...state].filter(([name]) => name.startsWith('features.'))), { where: path });
  return network;
}

/** Runs a training to its end and shows its loss. */
async function follow<Event extends TrainExpertEvent | TrainGeneratorEvent>(
  label: string,
  events: AsyncIterable<Event>,
): Promise<Extract<Event, { kind: 'done' }>['report']> {
  let progress: ShownProgress | undefined;
  for await (const event of events) {
    if (event.kind === 'start') {
      progress = showProgress(label, event.steps);
    } else if (event.kind === 'step') {
      const loss = 'loss' in event.entry ? event.entry.loss : event.entry.image;
      progress?.update(event.entry.step, `loss ${loss.toFixed(4)}`);
    } else if (event.kind === 'warning') {
      progress?.log(`warning: ${event.text}`);
    } else if (event.kind === 'done') {
      progress?.stop();
      return event.report;
    }
  }
  throw new Error(`example: ${label} must end with a report, got none`);
}
