import { selectBackend } from '@lipsync/backends';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { made } from '../testing/torch-numbers';
import { sampleChannels } from './sample-channels';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

const SHAPE: [number, number, number, number] = [2, 4, 5, 3];
const map = () => made<tf.Tensor4D>('map', SHAPE, -1, 1);

/** The formula of the doc comment, number by number. */
function slowly(x: Float32Array, columns: Float32Array, rows: Float32Array, places: number): number[] {
  const [batch, height, width, channels] = SHAPE;
  const y: number[] = [];
  for (let i = 0; i < batch * places * channels; i++) {
    const [b, c] = [Math.floor(i / (places * channels)), i % channels];
    let sum = 0;
    for (let u = 0; u < height; u++) {
      for (let v = 0; v < width; v++) {
        const share = Math.max(0, 1 - Math.abs(rows[i] - u)) * Math.max(0, 1 - Math.abs(columns[i] - v));
        sum += share * x[((b * height + u) * width + v) * channels + c];
      }
    }
    y.push(sum);
  }
  return y;
}

test('sampleChannels samples each channel at its own place, zero outside', () => {
  const [x, columns, rows] = [
    map(),
    made<tf.Tensor>('columns', [2, 40, 3], -3, 8),
    made<tf.Tensor>('rows', [2, 40, 3], -3, 7),
  ];
  const before = tf.memory().numTensors;
  const y = sampleChannels(x, columns, rows);
  expect(tf.memory().numTensors).toBe(before + 1);
  const wanted = slowly(
    x.dataSync() as Float32Array,
    columns.dataSync() as Float32Array,
    rows.dataSync() as Float32Array,
    40,
  );
  const differences = [...y.dataSync()].map((number, i) => Math.abs(number - wanted[i]));
  expect(Math.max(...differences)).toBeLessThan(1e-6); // measured 1.3e-7
  tf.dispose([x, columns, rows, y]);
});

test('sampleChannels returns the map at pixel centres, and zero at any distance outside', () => {
  const x = map();
  const [, height, width, channels] = SHAPE;
  const at = (value: (pixel: number) => number) =>
    tf.tidy(() =>
      tf.tile(
        tf.tensor(
          Array.from({ length: height * width }, (_, i) => value(i)),
          [1, height * width, 1],
        ),
        [2, 1, channels],
      ),
    );
  const [columns, rows, far] = [at((i) => i % width), at((i) => Math.floor(i / width)), at(() => -1e20)];
  expect([...sampleChannels(x, columns, rows).dataSync()]).toEqual([...x.dataSync()]);
  expect(
    sampleChannels(x, columns, far)
      .dataSync()
      .every((number) => number === 0),
  ).toBe(true);
});

test('sampleChannels has the gradients of finite differences by map and places, and leaves no tensor', () => {
  const inputs = [
    map(),
    made<tf.Tensor>('columns', [2, 6, 3], -1.9, 5.9),
    made<tf.Tensor>('rows', [2, 6, 3], -1.9, 4.9),
  ];
  const weights = made<tf.Tensor>('weights', [2, 6, 3], -1, 1);
  const value = (...all: tf.Tensor[]) =>
    tf.sum(tf.mul(sampleChannels(all[0] as tf.Tensor4D, all[1], all[2]), weights)) as tf.Scalar;
  const run = tf.grads(value);
  const before = tf.memory().numTensors;
  const gradients = run(inputs);
  expect(tf.memory().numTensors).toBe(before + 3);
  const step = 1e-3;
  for (const [which, input] of inputs.entries()) {
    const numbers = Float32Array.from(input.dataSync());
    const gradient = gradients[which].dataSync();
    for (let i = 0; i < numbers.length; i += 3) {
      const at = (change: number) =>
        tf.tidy(() => {
          const moved = tf.tensor(
            numbers.map((number, j) => (i === j ? number + change : number)),
            input.shape,
          );
          return value(...inputs.map((x, j) => (j === which ? moved : x))).dataSync()[0];
        });
      // measured 1.1e-4: float32 sums of 36 terms, divided by a step of 2e-3
      expect(Math.abs((at(step) - at(-step)) / (2 * step) - gradient[i])).toBeLessThan(1e-3);
    }
  }
  tf.dispose([inputs, gradients, weights]);
});

test('sampleChannels refuses shapes that do not fit', () => {
  expect(() => sampleChannels(map(), tf.zeros([2, 6, 3]), tf.zeros([2, 5, 3]))).toThrow(
    'sampleChannels: the shapes must be',
  );
  expect(() => sampleChannels(map(), tf.zeros([2, 6, 2]), tf.zeros([2, 6, 2]))).toThrow(
    'columns and rows both [2, places, 3]',
  );
});
