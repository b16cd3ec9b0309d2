import { selectBackend } from '@lipsync/backends';
import { Random, registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { farthest, type LossNumbers, made, readFixture } from '../testing/torch-numbers';
import { changeWindows, drawChanges } from './diff-augment';
import { warpAffine } from './warp-affine';

const NUMBERS = readFixture<LossNumbers>('losses');
const STILL = { a: 1, b: 0, c: 0, d: 1, shiftX: 0, shiftY: 0 };
const SHAPE = [2, 7, 6, 3];

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

const image = () => made<tf.Tensor4D>('image', SHAPE, 0, 1);

test('warpAffine samples as PyTorch’s grid_sample, with the same gradient', () => {
  const { maps, numbers, gradient } = NUMBERS.warp;
  const [x, pull] = [image(), made<tf.Tensor4D>('pull', SHAPE, -1, 1)];
  const before = tf.memory().numTensors;
  const y = warpAffine(x, maps);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(farthest(y.dataSync(), numbers)).toBeLessThan(1e-6); // measured 7e-8
  const slope = tf.grad((x) => tf.sum(tf.mul(warpAffine(x as tf.Tensor4D, maps), pull)))(x);
  expect(farthest(slope.dataSync(), gradient)).toBeLessThan(1e-6);
  expect(() => warpAffine(x, [STILL])).toThrow('warpAffine: x must be [1, height, width, channels]');
  tf.dispose([x, pull, y, slope]);
});

test('warpAffine has a gradient of its gradient', () => {
  // The slope of |A x|² is 2 A'A x; the slope of its square's half sum is 4 A'A A'A x.
  const { maps } = NUMBERS.warp;
  const x = image();
  const once = (x: tf.Tensor) => tf.grad((x) => tf.sum(tf.square(warpAffine(x as tf.Tensor4D, maps))))(x);
  const twice = tf.grad((x) => tf.mul(tf.sum(tf.square(once(x))), 0.5))(x);
  const wanted = tf.tidy(() => once(once(x)));
  expect(farthest(twice.dataSync(), wanted.dataSync())).toBeLessThan(1e-5);
  tf.dispose([x, twice, wanted]);
});

test('erosion takes the least of 3 x 3 neighbours; an erased box is black', () => {
  const x = image();
  const minimum = tf.tidy(() =>
    changeWindows(x, [
      { map: STILL, minimum: true },
      { map: STILL, minimum: true },
    ]).dataSync(),
  );
  expect(farthest(minimum, NUMBERS.eroded)).toBeLessThan(1e-6);
  const erase = { top: 1, bottom: 3, left: 2, right: 5 };
  const one = tf.tidy(
    () =>
      changeWindows(x, [
        { map: STILL, erase, minimum: false },
        { map: STILL, minimum: true },
      ]).arraySync() as number[][][][],
  );
  const given = x.arraySync();
  for (let row = 0; row < 7; row++) {
    for (let column = 0; column < 6; column++) {
      const inside = row >= 1 && row < 3 && column >= 2 && column < 5;
      expect(one[0][row][column]).toEqual(inside ? [0, 0, 0] : given[0][row][column]);
    }
  }
  expect(one[1].flat(2)).toEqual([...minimum].slice(126));
  x.dispose();
});

test('drawChanges is the same for the same seed and stays in its ranges', () => {
  const draw = (options: object) => drawChanges([40, 48, 96, 15], { random: new Random(3, 1), ...options });
  expect(draw({})).toEqual(draw({}));
  const changes = draw({ rotate: 5, scale: 0.2, shift: 0.1 });
  for (const { map } of changes) {
    const size = Math.hypot(map.a, map.c);
    expect(size).toBeGreaterThanOrEqual(1 / 1.2);
    expect(size).toBeLessThanOrEqual(1 / 0.8);
    expect(Math.abs(Math.atan2(map.b, map.a))).toBeLessThanOrEqual((5 * Math.PI) / 180);
    expect(Math.abs(map.shiftX)).toBeLessThanOrEqual(9.6);
    expect(Math.abs(map.shiftY)).toBeLessThanOrEqual(4.8);
  }
  const erased = changes.filter(({ erase }) => erase);
  expect(erased.length).toBeGreaterThan(8);
  expect(erased.length).toBeLessThan(32);
  expect(changes.some(({ minimum }) => minimum)).toBe(false);
  expect(draw({ erosion: 'minimum', chance: 1 }).every(({ minimum, erase }) => minimum && !erase)).toBe(true);
  expect(draw({ erosion: 'none', chance: 1 }).some(({ minimum, erase }) => minimum || erase)).toBe(false);
  expect(() => draw({ scale: 2 })).toThrow('drawChanges: scale must be from 0 to 1, got 2');
  expect(() => draw({ rotate: -1 })).toThrow('rotate must be from 0 to 180');
  expect(() => draw({ erosion: 'dilate' })).toThrow('erosion must be erase, minimum or none');
});
