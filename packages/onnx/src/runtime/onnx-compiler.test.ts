import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { fakeOnnxRuntime } from '../testing/fake-onnxruntime';
import { installedOnnxRuntime } from '../testing/installed-onnxruntime';
import type { OnnxRuntime } from './load-onnxruntime';
import { onnxCompiler } from './onnx-compiler';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const wave = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
const filter = () => tf.tensor4d(wave(3 * 3 * 3 * 4), [3, 3, 3, 4]);

/** Two outputs of different sizes: sums of the positions of a convolution, and a mean. */
function pass(weights: tf.Tensor4D) {
  return (images: tf.Tensor) => {
    const found = tf.fused.conv2d({
      x: images as tf.Tensor4D,
      filter: weights,
      strides: 2,
      pad: 'same',
      activation: 'relu',
    });
    return [tf.sum(found, [1, 2]), tf.mean(found, [1, 2, 3])];
  };
}

const real = installedOnnxRuntime();
const runtimes: [string, OnnxRuntime | undefined][] = [
  ['by ONNX’s rules', fakeOnnxRuntime().ort],
  [`in onnxruntime-node${real ? '' : ' (skipped: not installed)'}`, real],
];
for (const [how, ort] of runtimes)
  test.skipIf(!ort)(`onnxCompiler gives each output of the pass for any batch, ${how}`, async () => {
    const weights = filter();
    const before = tf.memory().numTensors;
    const network = await onnxCompiler({ ort, threads: 1 })(pass(weights), [6, 5, 3]);
    for (const batch of [1, 3]) {
      const input = wave(batch * 90);
      const ours = tf.tidy(() =>
        pass(weights)(tf.tensor4d(input, [batch, 6, 5, 3])).map((output) => output.dataSync()),
      );
      const theirs = await network.run(input, batch);
      expect(theirs.map(({ length }) => length)).toEqual([4 * batch, batch]);
      theirs.forEach(
        (output, i) => output.forEach((value, at) => expect(value).toBeCloseTo(ours[i][at], 5)), // measured 4e-7
      );
    }
    expect(tf.memory().numTensors).toBe(before);
    network.dispose();
    weights.dispose();
  });

test('a compiled network runs one call at a time and ends its session after them, once', async () => {
  const { ort, asked } = fakeOnnxRuntime();
  const network = await onnxCompiler({ ort })((x) => [tf.relu(x)], [4]);
  const runs = [network.run(wave(4), 1), network.run(wave(8), 2)];
  network.dispose();
  network.dispose();
  expect((await Promise.all(runs)).map(([output]) => output.length)).toEqual([4, 8]);
  await new Promise((done) => setTimeout(done, 5));
  expect(asked).toMatchObject({ runs: 2, released: 1 });
});

test('a compiled network throws onnxruntime’s error and continues', async () => {
  const { ort, asked } = fakeOnnxRuntime();
  const network = await onnxCompiler({ ort })((x) => [tf.relu(x)], [4]);
  asked.running = 1; // the fake refuses while it believes that something runs
  await expect(network.run(wave(4), 1)).rejects.toThrow('a second call while the first runs');
  asked.running = 0;
  expect(await network.run(Float32Array.of(-1, 2, -3, 4), 1)).toEqual([Float32Array.of(0, 2, 0, 4)]);
  network.dispose();
});

test('onnxCompiler refuses a pass with an operation that has no ONNX counterpart', async () => {
  await expect(onnxCompiler({ ort: fakeOnnxRuntime().ort })((x) => [tf.cumsum(x, 1)], [4])).rejects.toThrow(
    'got Cumsum',
  );
});
