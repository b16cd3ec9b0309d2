import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AVAlignNet, lite } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { AUDIO_FEATURES, type SyncRecipe, storedShape } from '@lipsync/contracts';
import { ClipStore, clipId } from '@lipsync/dataloader';
import { LITE_DINET, loadDinet } from '@lipsync/dinet';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NonFiniteLoss } from '../step/non-finite-loss';
import { DinetTrainer } from './dinet-trainer';
import { type TrainGeneratorEvent, type TrainGeneratorOptions, trainGenerator } from './train-generator';

const MOUTH = 64;
const CONFIG = { ...LITE_DINET, width: 2, referenceChannels: 8, references: 2 };
const RECIPE: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'dinet', size: 32, upright: 'median of five', sampling: 'exact' },
  color: 'RGB',
  range: [-1, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};

let folder: string;
let store: ClipStore;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  folder = await mkdtemp(join(tmpdir(), 'lipsync-generator-'));
  store = await headStore(join(folder, 'clips'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** Clips of noise, as head crops. */
async function headStore(path: string): Promise<ClipStore> {
  const { bins, stepsPerSecond } = AUDIO_FEATURES.THESIS_MEL;
  const crop = { kind: 'dinet head', mouth: MOUTH } as const;
  const made = await ClipStore.create(path, { crop, features: 'THESIS_MEL', stepsPerSecond, bins, fps: 25 });
  const { height, width } = storedShape(crop);
  const count = 16;
  for (const name of ['a', 'b', 'c', 'd']) {
    const random = new Random(1, name.charCodeAt(0));
    const steps = Math.ceil((count * stepsPerSecond) / 25) + 1;
    await made.write({
      id: clipId(`${name}.mp4`, 0, 0),
      frames: Uint8Array.from({ length: count * height * width * 3 }, () => random.integer(256)),
      frameCount: count,
      height,
      width,
      audio: new Int16Array(count * 640),
      features: { data: Float32Array.from({ length: steps * bins }, () => random.normal()), steps, bins },
      landmarks: new Float32Array(count * 136),
      poses: new Float32Array(count * 4).fill(0.1),
      firstFrame: 0,
      score: 1,
      interpolated: 0,
    });
  }
  return made;
}

const options = (out: string, more: Partial<TrainGeneratorOptions> = {}): TrainGeneratorOptions => ({
  store,
  out: join(folder, out),
  config: CONFIG,
  perceptual: 'none',
  steps: 3,
  batch: 2,
  heldOut: ['d'],
  checkpointEvery: 1,
  validateEvery: 2,
  validationRows: 2,
  workers: 0,
  ...more,
});

async function run(wanted: TrainGeneratorOptions, until = Infinity): Promise<TrainGeneratorEvent[]> {
  const events: TrainGeneratorEvent[] = [];
  for await (const event of trainGenerator(wanted)) {
    events.push(event);
    if (event.kind === 'step' && event.entry.step >= until) break;
  }
  return events;
}

/** A network that was never trained; an expert all the same. */
const expertOf = () => new AVAlignNet(lite({ frameCount: 5, size: 32 }), { seed: 3, recipe: RECIPE });

test('trainGenerator trains a frame stage, resumes where it was stopped to the same bytes, and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  const whole = await run(options('whole'));
  expect(tf.memory().numTensors).toBe(before);
  const done = whole.at(-1) as Extract<TrainGeneratorEvent, { kind: 'done' }>;
  expect(done.report).toMatchObject({
    stage: 'frame',
    steps: 3,
    frameCount: 6,
    mouth: MOUTH,
    trainingClips: 3,
    heldOutClips: 1,
    perceptual: 'none',
  });
  expect(done.report.validation).toMatchObject({ on: 'held-out', frameCount: 10 });
  expect(whole.filter(({ kind }) => kind === 'warning')).toHaveLength(1);
  expect(whole.filter(({ kind }) => kind === 'validation')).toHaveLength(1);
  await run(options('stopped'), 2);
  const [start] = await run(options('stopped'));
  expect(start).toMatchObject({ kind: 'start', resumedAt: 2 });
  expect(await readFile(join(folder, 'stopped/weights.safetensors'))).toEqual(
    await readFile(join(folder, 'whole/weights.safetensors')),
  );
  expect((await readFile(join(folder, 'whole/log.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(3);
  await expect(run(options('whole', { learningRate: 1 }))).rejects.toThrow(/learningRate was 0.0001, is 1/);
});

test('trainGenerator trains a clip stage from the weights of the stage before, supervised by an expert, and resumes it', async () => {
  const expert = expertOf();
  const from = join(folder, 'whole/weights.safetensors');
  const clip = (out: string) => options(out, { stage: 'clip', from, expert, steps: 2, batch: 1 });
  const events = await run(clip('clip'));
  const steps = events.flatMap((event) => (event.kind === 'step' ? [event.entry] : []));
  expect(
    steps.every(({ sync, ganClip, clipDiscriminator }) => [sync, ganClip, clipDiscriminator].every(Number.isFinite)),
  ).toBe(true);
  const { report } = events.at(-1) as Extract<TrainGeneratorEvent, { kind: 'done' }>;
  expect(report.expert?.name).toBe(expert.name);
  expect(Object.values(report.validation.cosine!).every(Number.isFinite)).toBe(true);
  expect(await readFile(join(folder, 'clip/curve.svg'), 'utf8')).toContain('true, in sync');
  await run(clip('clip-stopped'), 1);
  await run(clip('clip-stopped'));
  expect(await readFile(join(folder, 'clip-stopped/weights.safetensors'))).toEqual(
    await readFile(join(folder, 'clip/weights.safetensors')),
  );
  const net = await loadDinet(report.weights);
  expect(net.config).toEqual(CONFIG);
  net.dispose();
  expert.dispose();
});

test('trainGenerator stops where a loss is not finite, keeps the last good checkpoint and names it', async () => {
  const original = DinetTrainer.prototype.step;
  let calls = 0;
  vi.spyOn(DinetTrainer.prototype, 'step').mockImplementation(function (this: DinetTrainer, ...args) {
    calls++;
    return calls > 2
      ? Promise.reject(new NonFiniteLoss('generator must be finite, got NaN', { generator: Number.NaN }))
      : original.apply(this, args);
  });
  const out = options('broken', { steps: 4 });
  await expect(run(out)).rejects.toThrow(
    /step 3: .*got NaN; the last good checkpoint, of step 2, is .*broken\/state\.safetensors/,
  );
  vi.restoreAllMocks();
  const [start] = await run(out);
  expect(start).toMatchObject({ resumedAt: 2 });
});

test('trainGenerator really meets a loss that is not finite where a rate is absurd', async () => {
  await expect(run(options('absurd', { learningRate: 1e20, steps: 6 }))).rejects.toThrow(
    /step 1: .*must be finite, got NaN; no weight was changed; no checkpoint was written yet/,
  );
});

test('trainGenerator refuses experts whose input cannot be made from generated frames', async () => {
  const expert = expertOf();
  await expect(run(options('x', { expert }))).rejects.toThrow(/expert must be given in the clip stage/);
  const other = new AVAlignNet(lite({ frameCount: 5, size: 32 }), {
    seed: 3,
    recipe: { ...RECIPE, crop: { kind: 'whole frame', size: 32, resize: 'bilinear' } },
  });
  await expect(run(options('x', { expert: other, stage: 'clip' }))).rejects.toThrow(/DINet’s mouth box/);
  expert.dispose();
  other.dispose();
});
