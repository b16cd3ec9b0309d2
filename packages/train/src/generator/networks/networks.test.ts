import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AVAlignNet, lite } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { encodeSafetensors } from '@lipsync/checkpoints';
import type { StoredCrop, SyncRecipe } from '@lipsync/contracts';
import type { ClipStore } from '@lipsync/dataloader';
import { DINET, DinetDiscriminator, DinetGenerator, saveDinet } from '@lipsync/dinet';
import { REFERENCE_GENERATOR, ReferenceGenerator, saveReferenceGenerator } from '@lipsync/reference-generator';
import { Wav2LipSyncNet } from '@lipsync/syncnet';
import {
  saveWav2Lip,
  WAV2LIP,
  WAV2LIP_GAN_SCHEDULE,
  type Wav2LipConfig,
  Wav2LipGenerator,
  type Wav2LipSchedule,
} from '@lipsync/wav2lip';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noiseStore } from '../../testing/noise-store';
import { type TrainGeneratorEvent, type TrainGeneratorOptions, trainGenerator } from '../train-generator';
import { loadGenerator } from './networks';

const EXPERT_RECIPE: SyncRecipe = {
  ...{ frameCount: 5, fps: 25, crop: { kind: 'face box', size: 32, rows: 'lower half' }, color: 'RGB' },
  ...{ range: [-1, 1], features: 'WAV2LIP_MEL', featureSteps: 16 },
};
const TINY: Wav2LipConfig = { ...WAV2LIP, width: 1 / 64, size: 32 };
const BOX: StoredCrop = { kind: 'face box', size: 32, rows: 'all' };

let folder: string;
let boxes: ClipStore;
let heads: ClipStore;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  folder = await mkdtemp(join(tmpdir(), 'lipsync-networks-'));
  boxes = await noiseStore(folder, { network: 'wav2lip', crop: BOX, name: 'boxes' });
  heads = await noiseStore(folder, { network: 'wav2lip', crop: { kind: 'dinet head', mouth: 16 }, name: 'heads' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const options = (out: string, more: Partial<TrainGeneratorOptions>): TrainGeneratorOptions => ({
  ...{ store: boxes, out: join(folder, out), generator: 'wav2lip', config: TINY, steps: 3, batch: 2, heldOut: ['d'] },
  ...{ checkpointEvery: 1, validateEvery: 1, validationRows: 2, workers: 0 },
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
const reportOf = (events: TrainGeneratorEvent[]) => {
  const last = events.at(-1);
  return last?.kind === 'done' ? last.report : undefined;
};
const stepsOf = (events: TrainGeneratorEvent[]) =>
  events.flatMap((event) => (event.kind === 'step' ? [event.entry] : []));
const weightsOf = (out: string) => readFile(join(folder, out, 'weights.safetensors'));

/** Wav2Lip's expert for face boxes of 32 pixels; never trained, an expert all the same. */
const expertOf = () => new Wav2LipSyncNet({ seed: 3, width: 1 / 64, recipe: EXPERT_RECIPE });

describe('Wav2Lip', () => {
  /** A threshold that every loss is below: the sync loss sets in after the first validation. */
  const schedule: Wav2LipSchedule = { ...WAV2LIP_GAN_SCHEDULE, threshold: 1e6 };

  test('is trained with its expert and its discriminator; the sync loss sets in by a validation, also of a resumed run', async () => {
    const before = tf.memory().numTensors;
    const expert = expertOf();
    const supervised = (out: string) => options(out, { expert, schedule });
    const whole = await run(supervised('whole'));
    const steps = stepsOf(whole);
    expect(steps.map(({ sync }) => Number.isFinite(sync))).toEqual([false, true, true]);
    expect(steps.every(({ gan, frameDiscriminator }) => gan > 0 && frameDiscriminator > 0)).toBe(true);
    expect(steps.map(({ learningRate }) => learningRate)).toEqual([1e-4, 1e-4, 1e-4]);
    expect(reportOf(whole)).toMatchObject({ generator: 'wav2lip', stage: 'clip', frameCount: 30, syncSetIn: 1 });
    await run(supervised('stopped'), 2);
    const resumed = await run(supervised('stopped'));
    expect(resumed[0]).toMatchObject({ resumedAt: 2 });
    expect(stepsOf(resumed)[0].sync).toBe(steps[2].sync);
    expect(await weightsOf('stopped')).toEqual(await weightsOf('whole'));
    expert.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('with the expert as published, its running statistics drift, are kept in checkpoints, and given back', async () => {
    const expert = expertOf();
    const before = await expert.stateDict();
    const drifting = (out: string) => options(out, { expert, schedule, expertMode: 'as published' });
    const whole = await run(drifting('drift'));
    expect(await expert.stateDict()).toEqual(before);
    expect(expert.training).toBe(false);
    const still = await run(options('still', { expert, schedule }));
    expect(stepsOf(whole)[1].sync).not.toBe(stepsOf(still)[1].sync);
    await run(drifting('drift-stopped'), 2);
    await run(drifting('drift-stopped'));
    expect(await weightsOf('drift-stopped')).toEqual(await weightsOf('drift'));
    expert.dispose();
  });

  test('fills head crops, too, and its file says which face images it was trained with', async () => {
    const events = await run(options('heads', { store: heads, steps: 1 }));
    expect(events.some((event) => event.kind === 'warning' && event.text.includes('without an expert'))).toBe(true);
    const net = await loadGenerator(join(folder, 'heads/weights.safetensors'));
    expect([net.name, net.crop, net.training]).toEqual(['Wav2Lip', { kind: 'dinet head', mouth: 16 }, false]);
    net.dispose();
  });
});

test('LipGAN is trained by its own discriminator, resumes to the same bytes, and takes no expert', async () => {
  const lipgan = (out: string) => options(out, { generator: 'lipgan' });
  const whole = await run(lipgan('lipgan'));
  expect(reportOf(whole)).toMatchObject({ generator: 'lipgan', stage: 'frame', frameCount: 6 });
  expect(stepsOf(whole).every(({ gan, frameDiscriminator }) => gan > 0 && frameDiscriminator > 0)).toBe(true);
  await run(lipgan('lipgan-stopped'), 2);
  await run(lipgan('lipgan-stopped'));
  expect(await weightsOf('lipgan-stopped')).toEqual(await weightsOf('lipgan'));
  const expert = expertOf();
  await expect(run(options('x', { generator: 'lipgan', expert }))).rejects.toThrow(
    'trainGenerator: expert must be left out: LipGAN is taught by its own discriminator',
  );
  expert.dispose();
});

describe('refusals', () => {
  test('weights of another network, face images that it does not fill, and losses that it does not have', async () => {
    const from = join(folder, 'dinet.safetensors');
    const dinet = new DinetGenerator({ ...DINET, width: 2, referenceChannels: 4, references: 1 }, { seed: 0 });
    await writeFile(from, await saveDinet(dinet));
    dinet.dispose();
    await expect(run(options('x', { from }))).rejects.toThrow('from must be weights of Wav2Lip, got DINet');
    const config = { ...DINET, width: 2, referenceChannels: 4 };
    await expect(run(options('x', { generator: 'dinet', config, perceptual: 'none' }))).rejects.toThrow(
      'store must be of face images that DINet fills (dinet head), got face box',
    );
    await expect(run(options('x', { generator: 'dinet', config }))).rejects.toThrow('perceptual must be VGG-19 or');
    const expert = new AVAlignNet(lite({ frameCount: 5, size: 32 }), {
      seed: 3,
      recipe: { ...EXPERT_RECIPE, crop: { kind: 'dinet', size: 32, upright: 'none', sampling: 'exact' } },
    });
    await expect(run(options('x', { expert }))).rejects.toThrow('in clips of those, got AVAlignNet, dinet in face box');
    expert.dispose();
  });
});
describe('loadGenerator', () => {
  test('recognises each network by its file', async () => {
    const dinet = new DinetGenerator({ ...DINET, width: 2, referenceChannels: 4, references: 1 }, { seed: 0 });
    const wav2lip = new Wav2LipGenerator(TINY, { seed: 0 });
    const reference = new ReferenceGenerator({ ...REFERENCE_GENERATOR, width: 1 }, { seed: 0 });
    for (const [bytes, name] of [
      [await saveDinet(dinet), 'DINet'],
      [await saveWav2Lip(wav2lip), 'Wav2Lip'],
      [await saveReferenceGenerator(reference), 'reference attention'],
      [new URL('../../../../wav2lip/fixtures/wav2lip.pth', import.meta.url).pathname, 'Wav2Lip'],
      [new URL('../../../../dinet/fixtures/published.pth', import.meta.url).pathname, 'DINet'],
    ] as const) {
      const net = await loadGenerator(bytes);
      expect(net.name).toBe(name);
      net.dispose();
    }
    for (const net of [dinet, wav2lip, reference]) net.dispose();
  });

  test('names the network of a file that holds no generator', async () => {
    const judge = new DinetDiscriminator({ frameCount: 1, width: 2, seed: 0 });
    const bytes = encodeSafetensors(await judge.stateDict());
    judge.dispose();
    await expect(loadGenerator(bytes)).rejects.toThrow(
      /must be the weights of a generator, got a discriminator of DINet/,
    );
  });
});
