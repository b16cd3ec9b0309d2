import { selectBackend } from '@lipsync/backends';
import { disposeGradients, registerGradients, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { maskedL1, maskLoss } from '../losses/image-losses';
import { groundTruthMask } from '../masks/ground-truth-mask';
import { blendByMask } from '../network/blend';
import { ReferenceGenerator } from '../network/generator';
import { fillMade, made } from '../testing/torch-numbers';
import { referenceGeneratorLoss } from './generator-loss';
import { isExpertDue, REFERENCE_STAGES, stageRate } from './stages';
import { TABLE_4_1 } from './table-4-1';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

test('stageRate is constant, then falls to 0 over the last quarter', () => {
  const at = (step: number) => stageRate({ step, steps: 100 });
  expect([0, 50, 75].map(at)).toEqual([2e-4, 2e-4, 2e-4]);
  expect(at(80)).toBeCloseTo(1.6e-4, 12);
  expect(at(100)).toBe(0);
  expect(stageRate({ step: 99, steps: 100, annealed: 0, learningRate: 1 })).toBe(1);
  expect(() => stageRate({ step: 101, steps: 100 })).toThrow('stageRate: step must be from 0 to 100, got 101');
  expect(() => stageRate({ step: 1, steps: 100, annealed: 2 })).toThrow('annealed must be from 0 to 1');
});

test('the expert is due where both figures are below their bounds, or L1 alone where there is no other', () => {
  expect(isExpertDue({ l1: 1, perceptual: 26 })).toBe(true);
  expect(isExpertDue({ l1: 1.1, perceptual: 26 })).toBe(false);
  expect(isExpertDue({ l1: 1, perceptual: 27 })).toBe(false);
  expect(isExpertDue({ l1: 1, perceptual: Number.NaN })).toBe(true);
  expect(isExpertDue({ l1: 0.3, perceptual: 5 }, { l1: 0.2, perceptual: 10 })).toBe(false);
  expect(() => isExpertDue({ l1: Number.NaN, perceptual: 1 })).toThrow('isExpertDue: found.l1 must be a number');
});

const faces = () => ({
  image: made<tf.Tensor4D>('image', [2, 8, 8, 3], 0, 1),
  mask: made<tf.Tensor4D>('mask', [2, 8, 8, 1], 0, 1),
});

test('referenceGeneratorLoss is the weighted sum of its terms, of the blended frames but for L1', () => {
  const { image, mask } = faces();
  const [frames, truth] = [made<tf.Tensor4D>('real', [2, 8, 8, 3], 0, 1), tf.ones([2, 8, 8, 1]) as tf.Tensor4D];
  const parts = {
    weights: REFERENCE_STAGES.second,
    perceptual: (a: tf.Tensor4D, b: tf.Tensor4D) => tf.mean(tf.squaredDifference(a, b)) as tf.Scalar,
    expert: (x: tf.Tensor4D) => tf.mean(x, [1, 2, 3]) as tf.Tensor1D,
    discriminator: (x: tf.Tensor4D) => tf.sum(x, [1, 2, 3]) as tf.Tensor1D,
  };
  const before = tf.memory().numTensors;
  const { blended, total, terms } = referenceGeneratorLoss({ image, mask }, { frames, truth }, parts);
  expect(tf.memory().numTensors).toBe(before + 7);
  const wanted = tf.tidy(() => {
    const output = blendByMask(image, frames, { mask });
    const scores = [...parts.discriminator(output).dataSync()];
    const cosines = [...parts.expert(output).dataSync()];
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
    return {
      l1: maskedL1(image, frames, mask).dataSync()[0],
      perceptual: parts.perceptual(output, frames).dataSync()[0],
      expert: mean(cosines.map((value) => -Math.log(value))),
      mask: maskLoss(mask, truth).dataSync()[0],
      adversarial: mean(scores.map((score) => Math.log1p(Math.exp(-score)))),
    };
  });
  let sum = 0;
  for (const [name, value] of Object.entries(wanted)) {
    expect(terms[name as keyof typeof wanted]!.dataSync()[0]).toBeCloseTo(value, 5);
    sum += value * REFERENCE_STAGES.second[name as keyof typeof wanted];
  }
  expect(total.dataSync()[0]).toBeCloseTo(sum, 5);
  tf.dispose([image, mask, frames, truth, blended, total, terms]);
});

test('without a mask head the fixed lower half is blended; missing parts and weights of 0 leave terms out', () => {
  const { image, mask } = faces();
  const frames = made<tf.Tensor4D>('real', [2, 8, 8, 3], 0, 1);
  const { blended, total, terms } = referenceGeneratorLoss({ image }, { frames }, { weights: REFERENCE_STAGES.first });
  expect(Object.keys(terms)).toEqual(['l1']);
  expect(total.dataSync()[0]).toBe(terms.l1!.dataSync()[0]);
  const rows = (x: tf.Tensor4D, row: number) => x.arraySync()[0][row];
  expect(rows(blended, 0)).toEqual(rows(frames, 0)); // the blur reaches two rows
  rows(blended, 7)
    .flat()
    .forEach((value, i) => {
      expect(value).toBeCloseTo(rows(image, 7).flat()[i], 6);
    });
  expect(() => referenceGeneratorLoss({ image, mask }, { frames }, { weights: REFERENCE_STAGES.first })).toThrow(
    'referenceGeneratorLoss: target.truth must be given for a generator with a mask head',
  );
  tf.dispose([image, mask, frames, blended, total, terms]);
});

test('Table 4.1 has ten rows; each configuration adds a part to the one before, and the last can be trained', async () => {
  expect(TABLE_4_1.map(({ name }) => name)).toEqual([
    ...['random', 'near', 'k-means', 'k-means-augmented', 'attention', 'audio-skips', 'mask', 'gan', 'real', 'wav2lip'],
  ]);
  const setups = TABLE_4_1.flatMap(({ setup }) => (setup ? [setup] : []));
  expect(setups).toHaveLength(8);
  const parts = setups.map(({ config, lastStage }) =>
    [config.residual, config.attention !== 'average', config.audioSkips, config.maskHead, lastStage === 'second'].map(
      Number,
    ),
  );
  expect(parts.map((row) => row.join(''))).toEqual([
    '00000',
    '00000',
    '00000',
    '00000',
    '11000',
    '11100',
    '11110',
    '11111',
  ]);
  expect(setups.map(({ config }) => config.references)).toEqual([1, 1, 10, 10, 10, 10, 10, 10]);
  for (const { config, lastStage } of setups.slice(7)) {
    const net = new ReferenceGenerator({ ...config, width: 1, size: 64, largestSkip: 16 }, { seed: 0 });
    await fillMade(net);
    const frames = made<tf.Tensor4D>('frames', [2, 64, 64, 3], 0, 1);
    const references = made<tf.Tensor4D>('references', [1, 64, 64, 6], 0, 1);
    const audio = made<tf.Tensor3D>('audio', [2, 80, 16], -4, 4);
    const landmarks = Float32Array.from({ length: 136 }, (_, i) => 20 + 20 * Math.sin(i));
    const one = tf.tensor4d(groundTruthMask(landmarks, { height: 64, width: 64 }), [1, 64, 64, 1]);
    const truth = tf.tile(one, [2, 1, 1, 1]) as tf.Tensor4D;
    const { value, gradients } = valueAndGradients(
      net,
      () =>
        referenceGeneratorLoss(
          net.generateWithMask(frames, net.encodeReferences(references), audio),
          { frames, truth },
          { weights: REFERENCE_STAGES[lastStage] },
        ).total,
    );
    expect(value.dataSync()[0]).toBeGreaterThan(0.1);
    const moved = [...gradients.values()].filter((gradient) => gradient.dataSync().some((slope) => slope !== 0));
    expect(moved.length).toBeGreaterThan(0.8 * gradients.size);
    disposeGradients(gradients);
    net.dispose();
    tf.dispose([frames, references, audio, one, truth, value]);
  }
});
