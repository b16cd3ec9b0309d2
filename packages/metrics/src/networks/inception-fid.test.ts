import { readFileSync } from 'node:fs';
import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { formulaImages, relativeDifference } from '../testing/formula-images';
import { INCEPTION_FEATURES, InceptionFid } from './inception-fid';

type Fixture = {
  parameters: number;
  shapes: Record<string, number[]>;
  small: Record<string, number[]>;
  full: number[];
};
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/inception.json', import.meta.url), 'utf8')) as Fixture;

/** Images in 0..1 as the network takes them. */
function prepared(images: tf.Tensor4D, size: number): tf.Tensor4D {
  return tf.tidy(() => tf.sub(tf.mul(tf.image.resizeBilinear(images, [size, size], false, true), 2), 1));
}

describe('InceptionFid', () => {
  let network: InceptionFid;

  beforeAll(async () => {
    await selectBackend({ backend: 'wasm' });
    network = new InceptionFid();
    network.loadStateDict(formulaStateDict(Object.entries(fixture.shapes)));
  });
  afterAll(() => network.dispose());

  test("has torchvision's names, shapes and number of parameters, but for the classifier", async () => {
    const state = await network.stateDict();
    const wanted = Object.entries(fixture.shapes).filter(([name]) => !name.startsWith('fc.'));
    expect(Object.fromEntries([...state].map(([name, { shape }]) => [name, shape]))).toEqual(
      Object.fromEntries(wanted),
    );
    expect(network.parameterCount()).toBe(fixture.parameters);
  });

  test('gives the features of torchvision with the pools of FID, at each of the four depths', () => {
    const images = formulaImages('small', 2, 64, 80);
    const x = prepared(images, 107);
    for (const count of INCEPTION_FEATURES) {
      const before = tf.memory().numTensors;
      const features = network.forward(x, count);
      expect(tf.memory().numTensors).toBe(before + 1);
      expect(features.shape).toEqual([2, count]);
      const every = Math.max(1, Math.floor((2 * count) / 256));
      const got = features.dataSync().filter((_, i) => i % every === 0);
      expect(relativeDifference(got, fixture.small[count])).toBeLessThan(1e-5); // measured 2e-6 at 2048, else 5e-7
      features.dispose();
    }
    tf.dispose([images, x]);
  });

  test('at 299 pixels, too', () => {
    const images = formulaImages('full', 1, 96, 128);
    const x = prepared(images, 299);
    const features = network.forward(x);
    const got = features.dataSync().filter((_, i) => i % 8 === 0);
    expect(relativeDifference(got, fixture.full)).toBeLessThan(1e-5); // measured 5e-7
    tf.dispose([images, x, features]);
  });
});

test('InceptionFid loads a file without counters, and names what is wrong with others', () => {
  const shapes = Object.entries(fixture.shapes);
  const network = new InceptionFid();
  const x = tf.zeros<tf.Rank.R4>([1, 75, 75, 3]);
  expect(() => network.forward(x)).toThrow(
    'this network must be one with weights (call loadStateDict first), got one without',
  );
  const old = formulaStateDict(shapes.filter(([name]) => !name.endsWith('num_batches_tracked')));
  old.set('AuxLogits.fc.bias', { dtype: 'float32', shape: [1], data: new Float32Array(1) });
  network.loadStateDict(old);
  expect(() => network.forward(x, 100 as 64)).toThrow(
    'InceptionFid.forward: features must be 64, 192, 768, 2048, got 100',
  );
  expect(() => network.forward(tf.zeros([1, 74, 75, 3]))).toThrow('both sides at least 75, got [1, 74, 75, 3]');
  old.set('fc.weight', { dtype: 'float32', shape: [1000, 2048], data: new Float32Array(1000 * 2048) });
  expect(() => network.loadStateDict(old)).toThrow("got another network, of 1000 classes (torchvision's)");
  old.delete('fc.weight');
  old.delete('Mixed_5b.branch1x1.conv.weight');
  expect(() => network.loadStateDict(old)).toThrow('1 missing: Mixed_5b.branch1x1.conv.weight');
  network.dispose();
  expect(() => network.forward(x)).toThrow('disposed');
  x.dispose();
});
