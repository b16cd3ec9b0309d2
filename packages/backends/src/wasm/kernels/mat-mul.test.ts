import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, relativeError, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

const BATCHES: [number[], number[]][] = [
  [[], []],
  [[1], [1]],
  [[3], [3]],
  [[1], [3]],
  [[3], [1]],
  [
    [2, 3],
    [2, 3],
  ],
  [
    [2, 3],
    [1, 1],
  ],
  [
    [2, 1],
    [1, 3],
  ],
];

test.each([false, true].flatMap((a) => [false, true].map((b) => [a, b] as const)))(
  'matMul with transposeA %s and transposeB %s equals the cpu backend’s for every pair of batches',
  async (transposeA, transposeB) => {
    for (const [outerA, outerB] of BATCHES) {
      const { cpu, wasm } = await onBoth(() => {
        const a = noiseTensor([...outerA, ...(transposeA ? [5, 4] : [4, 5])], 1);
        const b = noiseTensor([...outerB, ...(transposeB ? [6, 5] : [5, 6])], 2);
        const product = tf.matMul(a, b, transposeA, transposeB);
        // tfjs-core cannot differentiate a matMul with a broadcast side.
        if (outerA.join() !== outerB.join()) return [product];
        const f = (x: tf.Tensor, y: tf.Tensor) => tf.sum(tf.square(tf.matMul(x, y, transposeA, transposeB)));
        return [product, ...tf.grads(f)([a, b])];
      });
      wasm.forEach((numbers, i) => expect(relativeError(numbers, cpu[i])).toBeLessThan(1e-5)); // measured 1.5e-7
    }
  },
);

test.each(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const)(
  'fused matMul with bias and %s equals the cpu backend’s',
  async (activation) => {
    for (const [transposeA, transposeB] of [
      [false, false],
      [false, true],
      [true, false],
    ]) {
      const { cpu, wasm } = await onBoth(() => [
        tf.fused.matMul({
          a: noiseTensor<tf.Rank.R2>(transposeA ? [5, 4] : [4, 5], 1),
          b: noiseTensor<tf.Rank.R2>(transposeB ? [6, 5] : [5, 6], 2),
          transposeA,
          transposeB,
          activation,
          bias: noiseTensor<tf.Rank.R1>([6], 3),
          leakyreluAlpha: 0.1,
          preluActivationWeights: activation === 'prelu' ? noiseTensor([4, 6], 4) : undefined,
        }),
      ]);
      expect(relativeError(wasm[0], cpu[0])).toBeLessThan(1e-5); // measured 9.7e-8
    }
  },
);

test('matMul leaves one tensor, the one it returns', () => {
  const a = noiseTensor([3, 5, 4], 1);
  const b = noiseTensor([3, 6, 5], 2);
  const before = tensorCounts();
  const out = tf.matMul(a, b, true, true);
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([out, a, b]);
});
