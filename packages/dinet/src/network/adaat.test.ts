import { selectBackend } from '@lipsync/backends';
import { Random, registerGradients, toTorchLayout } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { fillMade, made, REFERENCE, weighted } from '../testing/torch-numbers';
import { AdaAT, channelMix } from './adaat';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

/** Largest difference as a share of 2e-5 of the largest reference value, and 1e-6: measured 0.06 of that. */
function share(actual: ArrayLike<number>, expected: number[]): number {
  expect(actual.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((number, i) => Math.abs(actual[i] - number))) / (2e-5 * largest + 1e-6);
}

describe.each(REFERENCE.adaAT)(
  'AdaAT, $sampling sampling',
  ({ sampling, shape, parameters, output, loss, dFeatures, dParameters, gradients }) => {
    test('transforms a map as grid_sample of PyTorch, with the same gradients', async () => {
      registerGradients();
      const net = new AdaAT({ parameters, channels: shape[3], sampling, random: new Random(0) });
      await fillMade(net);
      const features = made<tf.Tensor4D>('features', shape, 0, 1);
      const given = made<tf.Tensor2D>('parameters', [shape[0], parameters], -1, 1);
      const y = net.forward(features, given);
      const differences = [...y.dataSync()].map((number, i) => Math.abs(number - output[i]));
      // measured 1.2e-6: float32 places, whose rounding weighs neighbouring pixels
      expect(Math.max(...differences)).toBeLessThan(1e-5);
      const own = [...net.namedParameters()];
      expect(own.map(([name]) => name).sort()).toEqual(Object.keys(gradients).sort());
      const { value, grads } = tf.valueAndGrads((...all: tf.Tensor[]) =>
        weighted(net.forward(all[0] as tf.Tensor4D, all[1] as tf.Tensor2D)),
      )([features, given, ...own.map(([, { variable }]) => variable)]);
      expect(value.dataSync()[0]).toBeCloseTo(loss, 6); // measured 6.7e-8
      expect(share(grads[0].dataSync(), dFeatures)).toBeLessThan(1);
      expect(share(grads[1].dataSync(), dParameters)).toBeLessThan(1);
      const shares = own.map(([name, { variable, layout }], i): [string, number] => [
        name,
        share(toTorchLayout(grads[2 + i].dataSync() as Float32Array, variable.shape, layout), gradients[name]),
      ]);
      expect(shares.filter(([, share]) => !(share < 1))).toEqual([]);
      net.dispose();
      tf.dispose([features, given, y, value, grads]);
    });
  },
);

/** The places, in pixels, that `bilinear` AdaAT samples, in float64 from the same float32 weights: channel by channel. */
function placesInFloat64(net: AdaAT, parameters: Float32Array, height: number, width: number) {
  const read = (name: string) => net.namedParameters().get(name)!.variable.dataSync() as Float32Array;
  const linear = (name: string, x: readonly number[]) => {
    const [weight, bias] = [read(`${name}.0.weight`), read(`${name}.0.bias`)]; // [in, out]
    const sum = (out: number) =>
      x.reduce((total, value, i) => total + value * weight[i * bias.length + out], bias[out]);
    return Array.from(bias, (_, out) => sum(out));
  };
  const z = linear('commn_linear', [...parameters]).map((value) => Math.max(0, value));
  const [scale, rotation, translation] = ['scale', 'rotation', 'translation'].map((name) => linear(name, z));
  return scale.map((value, c) => {
    const [s, angle] = [2 / (1 + Math.exp(-value)), (314159 / 1e5) * Math.tanh(rotation[c])];
    const [across, down] = [Math.tanh(translation[2 * c]), Math.tanh(translation[2 * c + 1])];
    return (row: number, column: number): [row: number, column: number] => {
      const [x, y] = [(2 * column) / (width - 1) - 1, (2 * row) / (height - 1) - 1];
      const u = s * (Math.cos(angle) * x - Math.sin(angle) * y) + across;
      const v = s * (Math.sin(angle) * x + Math.cos(angle) * y) + down;
      return [((v + 1) * (height - 1)) / 2, ((u + 1) * (width - 1)) / 2];
    };
  });
}

test('places at full size are within 1e-4 pixels of float64, which plain float32 sums miss', () => {
  // Weights three times as large as at the start of training, so that angles are large and places spread.
  const [inputs, channels, height, width] = [256, 128, 104, 80];
  const net = new AdaAT({ parameters: inputs, channels, sampling: 'bilinear', random: new Random(5) });
  for (const { variable } of net.namedParameters().values()) tf.tidy(() => variable.assign(tf.mul(variable, 3)));
  const parameters = made<tf.Tensor2D>('parameters', [1, inputs], 0, 1);
  // A map whose value is its column: what is read between four pixels is the column of the place.
  const ramp = tf.tidy(() => tf.tile(tf.reshape(tf.range(0, width), [1, 1, width, 1]), [1, height, 1, channels]));
  const y = net.forward(ramp as tf.Tensor4D, parameters);
  const read = y.dataSync();
  let [largest, inside] = [0, 0];
  for (const [c, placeOf] of placesInFloat64(net, parameters.dataSync() as Float32Array, height, width).entries()) {
    for (let pixel = 0; pixel < height * width; pixel++) {
      const [row, column] = placeOf(Math.floor(pixel / width), pixel % width);
      if (!(row > 1 && row < height - 2 && column > 1 && column < width - 2)) continue;
      largest = Math.max(largest, Math.abs(read[pixel * channels + c] - column));
      inside++;
    }
  }
  expect(inside).toBeGreaterThan(100_000);
  expect(largest).toBeLessThan(1e-4); // measured 7.2e-5; 1.28e-4 with the products added one after the other
  net.dispose();
  tf.dispose([parameters, ramp, y]);
});

/** One that neither scales nor turns nor shifts: all weights zero. */
function still(sampling: 'published' | 'bilinear', channels: number): AdaAT {
  const net = new AdaAT({ parameters: 3, channels, sampling, random: new Random(0) });
  for (const { variable } of net.namedParameters().values()) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
  return net;
}

test('AdaAT with zero weights and bilinear sampling returns the map', () => {
  const net = still('bilinear', 2);
  const features = made<tf.Tensor4D>('features', [2, 5, 4, 2], -1, 1);
  const parameters = tf.ones([2, 3]) as tf.Tensor2D;
  const before = tf.memory().numTensors;
  const y = net.forward(features, parameters);
  expect(tf.memory().numTensors).toBe(before + 1);
  const given = features.dataSync();
  // measured 0
  expect(Math.max(...[...y.dataSync()].map((number, i) => Math.abs(number - given[i])))).toBeLessThan(1e-6);
  net.dispose();
  tf.dispose([features, parameters, y]);
});

test('AdaAT with published sampling does not: borders are sampled half outside, and channels mix with their neighbours', () => {
  const net = still('published', 3);
  const y = tf.tidy(() => net.forward(tf.ones([1, 5, 5, 3]), tf.ones([1, 3])).arraySync());
  expect(y[0][2][2].map((number) => Math.round(1000 * number) / 1000)).toEqual([0.5, 1, 0.5]); // the outer channels against nothing
  expect(y[0][0][2][1]).toBeCloseTo(0.5, 5);
  expect(y[0][0][0][1]).toBeCloseTo(0.25, 5);
  net.dispose();
});

test('channelMix mixes each channel with the neighbour on its side, the ends with zero', () => {
  expect([...channelMix(3)]).toEqual([0.5, 0, 0, 0, 1, 0, 0, 0, 0.5]);
  const mix = channelMix(5);
  expect([0, 1, 2, 3, 4].map((c) => mix[c * 5 + c])).toEqual([0.5, 0.75, 1, 0.75, 0.5]);
  expect([mix[0 * 5 + 1], mix[4 * 5 + 3], mix[2 * 5 + 1], mix[2 * 5 + 3]]).toEqual([0.25, 0.25, 0, 0]);
});

test('AdaAT refuses maps of one row, with other channels, or another batch size', () => {
  const net = new AdaAT({ parameters: 3, channels: 2, sampling: 'bilinear', random: new Random(0) });
  const rule = 'AdaAT.forward: features must be [batch, height, width, 2] with sides of at least 2';
  expect(() => net.forward(tf.zeros([1, 1, 5, 2]), tf.zeros([1, 3]))).toThrow(rule);
  expect(() => net.forward(tf.zeros([1, 4, 5, 3]), tf.zeros([1, 3]))).toThrow(rule);
  expect(() => net.forward(tf.zeros([1, 4, 5, 2]), tf.zeros([2, 3]))).toThrow(rule);
  expect(() => new AdaAT({ parameters: 3, channels: 1, sampling: 'published', random: new Random(0) })).toThrow(
    'channels must be at least 2',
  );
});
