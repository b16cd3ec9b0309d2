import '@tensorflow/tfjs-backend-cpu';
import type { CompileNetwork } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { ForwardRunner } from './forward-runner';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Sums of the rows, and of the columns. */
const sums = (images: tf.Tensor4D) => [tf.sum(images, [2, 3]), tf.sum(images, [1, 3])];
const pixels = Float32Array.from({ length: 2 * 2 * 3 }, (_, i) => i);
const rows = [
  Float32Array.of(3, 12, 21, 30), // 0 + 1 + 2, 3 + 4 + 5, …
  Float32Array.of(3, 5, 7, 15, 17, 19), // 0 + 3, 1 + 4, …
];

test('ForwardRunner gives the values of each output and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  expect(await new ForwardRunner(sums).run(pixels, [2, 2, 3, 1])).toEqual(rows);
  expect(tf.memory().numTensors).toBe(before);
});

/** A compiler that counts what it makes and frees. */
function counting() {
  const counts = { compiled: [] as number[][], freed: 0 };
  const compile: CompileNetwork = async (forward, shape) => {
    counts.compiled.push([...shape]);
    return {
      run: async (input, batch) =>
        tf.tidy(() => forward(tf.tensor(input, [batch, ...shape])).map((output) => output.dataSync() as Float32Array)),
      dispose: () => {
        counts.freed++;
      },
    };
  };
  return { compile, counts };
}

test('ForwardRunner compiles once for each size of image, and frees all of it', async () => {
  const { compile, counts } = counting();
  const runner = new ForwardRunner(sums, compile);
  const both = await Promise.all([runner.run(pixels, [2, 2, 3, 1]), runner.run(pixels, [2, 2, 3, 1])]);
  expect(both).toEqual([rows, rows]);
  await runner.run(pixels, [1, 2, 6, 1]);
  expect(counts.compiled).toEqual([
    [2, 3, 1],
    [2, 6, 1],
  ]);
  runner.dispose();
  runner.dispose();
  await Promise.resolve();
  expect(counts.freed).toBe(2);
});

test('ForwardRunner throws what the compiler throws', async () => {
  const runner = new ForwardRunner(sums, async () => {
    throw new Error('no such engine');
  });
  await expect(runner.run(pixels, [2, 2, 3, 1])).rejects.toThrow('no such engine');
  runner.dispose();
});
