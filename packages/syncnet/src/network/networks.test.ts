import { selectBackend } from '@lipsync/backends';
import type { NamedArray } from '@lipsync/checkpoints';
import { disposeGradients, parametersOf, registerGradients, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formulaNumbers, formulaStateDict } from '../../../../tests/support/formula-weights';
import fixture from '../../fixtures/networks.json';
import { contrastiveDistanceLoss } from '../losses/contrastive-distance-loss';
import { scoreMapLoss } from '../losses/score-map-loss';
import { DinetSyncNet, dinetRecipe } from './dinet-syncnet';
import type { SyncNetwork } from './sync-network';
import { SyncNet } from './syncnet';
import { LATENTSYNC_WAV2LIP_RECIPE, LatentSyncWav2LipSyncNet, WAV2LIP_RECIPE, Wav2LipSyncNet } from './wav2lip-syncnet';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm', log: () => {} });
  registerGradients();
});

type Entry = {
  shapes: Record<string, number[]>;
  parameters: number;
  visual: number[];
  audio: number[];
  map?: number[];
  training: {
    loss: number;
    gradients: Record<string, { norm: number; first: number[] }>;
    buffers: Record<string, number[]>;
  };
};
const networks = fixture.networks as unknown as Record<string, Entry>;
const LABELS = [1, 0, 0, 1];
const GRADIENT = 3e-4; // of the norm; measured 7e-5 against PyTorch's float64, four times that

const frames = (name: string, shape: [number, number, number, number], high: number) =>
  tf.tensor4d(
    formulaNumbers(
      `${name} pictures`,
      shape.reduce((a, b) => a * b),
      0,
      high,
    ),
    shape,
  );
/** `[batch, bins, steps, 1]`; one channel, so PyTorch's order is ours. */
const audio = (name: string, shape: [number, number, number, number], loud: number) =>
  tf.tensor4d(
    formulaNumbers(
      `${name} sound`,
      shape.reduce((a, b) => a * b),
      -loud,
      loud,
    ),
    shape,
  );

function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let [most, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    most = Math.max(most, Math.abs(actual[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return most / largest;
}

const binaryCrossEntropy = (cosine: tf.Tensor, labels: tf.Tensor) =>
  tf.neg(
    tf.mean(tf.add(tf.mul(labels, tf.log(cosine)), tf.mul(tf.sub(1, labels), tf.log(tf.sub(1, cosine))))),
  ) as tf.Scalar;

const CASES = {
  syncnet: {
    make: (width: number) => new SyncNet({ seed: 0, width }),
    size: [224, 224],
    high: 255,
    audio: [13, 20],
    loud: 20,
  },
  wav2lip: {
    make: (width: number) => new Wav2LipSyncNet({ seed: 0, width }),
    size: [48, 96],
    high: 1,
    audio: [80, 16],
    loud: 4,
  },
  latentsync: {
    make: (width: number) => new LatentSyncWav2LipSyncNet({ seed: 0, width }),
    size: [128, 256],
    high: 1,
    audio: [80, 16],
    loud: 4,
  },
  dinet: {
    make: (width: number) => new DinetSyncNet({ seed: 0, recipe: dinetRecipe(64), channels: 128 * width }),
    size: [64, 64],
    high: 1,
    audio: [29, 9],
    loud: 10,
  },
} as const;
type Name = keyof typeof CASES;
const NAMES = Object.keys(CASES) as Name[];

function batchOf(name: Name, rows: number) {
  const { size, high, audio: sides, loud } = CASES[name];
  return {
    frames: frames(name, [rows, size[0], size[1], 15], high),
    features: audio(name, [rows, sides[0], sides[1], 1], loud),
  };
}

describe.each(NAMES)('%s', (name) => {
  let net: SyncNetwork;
  beforeAll(() => {
    net = CASES[name].make(1);
  });
  afterAll(() => net.dispose());

  test('has the names, shapes and number of parameters of the source', async () => {
    const state = await net.stateDict();
    const shapes = Object.fromEntries([...state].map(([key, { shape }]) => [key, shape]));
    expect(shapes).toEqual(networks[name].shapes);
    expect(net.parameterCount()).toBe(networks[name].parameters);
  });

  test('gives PyTorch’s embeddings with its weights, within 1e-4', async () => {
    net.loadStateDict(formulaStateDict(Object.entries(networks[name].shapes)));
    const { frames, features } = batchOf(name, 2);
    const before = tf.memory().numTensors;
    const { visual, audio } = net.forward(frames, features);
    expect(tf.memory().numTensors).toBe(before + 2);
    // measured 3.6e-6 of the largest: sums in float32; PyTorch's own in float32 are 8e-7 from its float64
    expect(difference(await visual.data(), networks[name].visual)).toBeLessThan(2e-5);
    expect(difference(await audio.data(), networks[name].audio)).toBeLessThan(1e-5); // measured 1.7e-6
    if (net instanceof DinetSyncNet) {
      const map = net.scoreMap(visual, audio);
      expect(difference(await map.data(), networks[name].map as number[])).toBeLessThan(2e-5); // measured 2.3e-6
      const distances = await net.pairDistances(visual, audio).data();
      const means = [0, 4].map((at) =>
        (networks[name].map as number[]).slice(at, at + 4).reduce((sum, value) => sum + value / 4, 0),
      );
      expect(
        difference(
          distances,
          means.map((mean) => 1 - mean),
        ),
      ).toBeLessThan(4e-4); // measured 5.5e-5 of distances of about 0.1, for 3e-6 of a map up to 6
    }
    tf.dispose([frames, features, visual, audio]);
  });

  test('trains as PyTorch does: loss, gradients and running statistics of a step', async () => {
    const net = CASES[name].make(0.125);
    const state = await net.stateDict();
    net.loadStateDict(formulaStateDict([...state].map(([key, { shape }]) => [key, shape])));
    net.train();
    const { frames, features } = batchOf(name, 4);
    const labels = tf.tensor1d(LABELS);
    const { training } = networks[name];
    const { value, gradients } = valueAndGradients(net, () => {
      const { visual, audio } = net.forward(frames, features);
      if (net instanceof DinetSyncNet) return scoreMapLoss(net.scoreMap(visual, audio), labels);
      if (net instanceof SyncNet) return contrastiveDistanceLoss(visual, audio, labels, { margin: 2 }).loss;
      return binaryCrossEntropy(tf.sum(tf.mul(visual, audio), 1), labels);
    });
    expect((await value.data())[0] / training.loss).toBeCloseTo(1, 4); // measured 3.2e-6
    const largest = Math.max(...Object.values(training.gradients).map(({ norm }) => norm));
    const layouts = parametersOf(net);
    expect([...gradients.keys()].sort()).toEqual(Object.keys(training.gradients).sort());
    for (const [key, gradient] of gradients) {
      const { norm } = training.gradients[key];
      const ours = (await tf.norm(gradient).data())[0];
      // Biases before a BatchNorm have no gradient but rounding. Where rounding turns the sign before a
      // (leaky) ReLU, gradients jump.
      expect(Math.abs(ours - norm), key).toBeLessThan(GRADIENT * norm + 1e-5 * largest);
      expect(layouts.has(key)).toBe(true);
    }
    const after = await net.stateDict();
    for (const [key, numbers] of Object.entries(training.buffers)) {
      const data = (after.get(key) as NamedArray).data as Float32Array;
      expect(difference(data.slice(0, 4), numbers), key).toBeLessThan(1e-4); // measured 9.1e-6
    }
    disposeGradients(gradients);
    tf.dispose([value, frames, features, labels]);
    net.dispose();
  });

  test('starts in evaluation mode, the same for the same seed, and refuses other inputs', () => {
    const net: SyncNetwork = CASES[name].make(0.0625);
    expect(net.training).toBe(false);
    const { frames, features } = batchOf(name, 1);
    expect(() => net.encodeVisual(features)).toThrow(/encodeVisual: frames must be of shape \[batch, /);
    expect(() => net.encodeAudio(frames)).toThrow(/encodeAudio: features must be of shape \[batch, /);
    const again = CASES[name].make(0.0625);
    const apart = tf.tidy(
      () => tf.max(tf.abs(tf.sub(net.encodeAudio(features), again.encodeAudio(features)))).dataSync()[0],
    );
    expect(apart).toBe(0);
    tf.dispose([frames, features]);
    net.dispose();
    again.dispose();
    expect(() => again.encodeAudio(features)).toThrow('one that was disposed');
  });
});

test('Wav2LipSyncNet takes other numbers of frames and mel steps, and says where no map is left', () => {
  const recipe = {
    ...CASES.wav2lip.make(0.03).recipe,
    frameCount: 10,
    featureSteps: 32,
    features: 'THESIS_MEL' as const,
  };
  const net = new Wav2LipSyncNet({
    seed: 0,
    width: 0.0625,
    recipe: { ...recipe, crop: { kind: 'face box', size: 48, rows: 'all' } },
  });
  const embeddings = net.forward(tf.zeros([2, 48, 48, 30]), tf.zeros([2, 80, 32, 1]));
  expect(embeddings.visual.shape).toEqual([2, 32]);
  expect(embeddings.audio.shape).toEqual([2, 32]);
  expect(
    () => new Wav2LipSyncNet({ seed: 0, recipe: { ...recipe, crop: { kind: 'face box', size: 2, rows: 'all' } } }),
  ).toThrow('that leave a map');
  expect(() => new Wav2LipSyncNet({ seed: 0, recipe: { ...recipe, features: 'SYNCNET_MFCC' } })).toThrow(
    'recipe.features must be a mel spectrogram',
  );
  net.dispose();
});

test('SyncNet and DinetSyncNet refuse recipes that are not theirs', () => {
  const { recipe } = CASES.syncnet.make(0.01);
  expect(() => new SyncNet({ seed: 0, recipe: { ...recipe, frameCount: 6 } })).toThrow(
    'SyncNet: recipe must be of 5 whole frames of 224 px',
  );
  expect(() => new SyncNet({ seed: 0, width: 0 })).toThrow('SyncNet: width must be above 0');
  expect(() => new DinetSyncNet({ seed: 0, recipe: { ...dinetRecipe(64), featureSteps: 3 } })).toThrow(
    'DinetSyncNet: recipe must be',
  );
  expect(() => new DinetSyncNet({ seed: 0, recipe: dinetRecipe(72) })).toThrow('a size that 32 divides');
});

test('LatentSync’s form takes the mel of its own pipeline, which pads with zeros; Wav2Lip’s the mirrored one', () => {
  expect(LATENTSYNC_WAV2LIP_RECIPE.features).toBe('LATENTSYNC_MEL');
  expect(WAV2LIP_RECIPE.features).toBe('WAV2LIP_MEL');
});
