import '@tensorflow/tfjs-backend-cpu';
import { mouthCrop } from '@lipsync/face-crop';
import { Random, registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { ImageProcessor } from './image-processor';

beforeAll(async () => {
  registerGradients();
  await tf.setBackend('cpu');
});

const images = new ImageProcessor({ mouth: 64 });
const random = new Random(5);
const bytes = Uint8Array.from({ length: 2 * 104 * 80 * 3 }, () => random.integer(256));
const frame = (i: number) => ({
  data: bytes.subarray(i * 104 * 80 * 3, (i + 1) * 104 * 80 * 3),
  width: 80,
  height: 104,
});
const faces = () =>
  tf.tensor4d(
    Float32Array.from(bytes, (value) => value / 255),
    [2, 104, 80, 3],
  );

test.each(['exact', 'half pixel'] as const)('mouths are those of mouthCrop, turned by their angles, %s', (sampling) => {
  const angles = [0, 0.3];
  const crops = tf.tidy(() => images.mouths(faces(), tf.tensor1d(angles), sampling)).dataSync();
  angles.forEach((angle, i) => {
    const wanted = mouthCrop(frame(i), { angle, sampling });
    const worst = wanted.reduce(
      (most, value, k) => Math.max(most, Math.abs(value - 255 * crops[i * wanted.length + k])),
      0,
    );
    expect(worst).toBeLessThan(0.51); // of 255: the other's rounding
  });
});

test('without a turn, the exact crop is the mouth box itself', () => {
  const crops = tf.tidy(() => images.mouths(faces(), tf.zeros([2]))).dataSync();
  for (const [row, column] of [
    [0, 0],
    [10, 40],
    [63, 63],
  ]) {
    // measured 4.1e-6; a float32 step at 187 is 1.5e-5
    expect(255 * crops[(row * 64 + column) * 3]).toBeCloseTo(bytes[((row + 32) * 80 + column + 8) * 3], 4);
  }
});

test('the gradient of mouths is that of finite differences', () => {
  const small = new ImageProcessor({ mouth: 8 });
  const [height, width] = [small.height, small.width];
  const x = Float32Array.from({ length: height * width * 3 }, () => random.uniform());
  const weights = tf.tensor4d(
    Float32Array.from({ length: 8 * 8 * 3 }, () => random.normal()),
    [1, 8, 8, 3],
  );
  const angles = tf.tensor1d([0.4]);
  const value = (data: Float32Array) =>
    tf.tidy(
      () => tf.sum(tf.mul(small.mouths(tf.tensor4d(data, [1, height, width, 3]), angles), weights)).dataSync()[0],
    );
  const gradient = tf.tidy(() =>
    tf
      .grad((f) => tf.sum(tf.mul(small.mouths(f as tf.Tensor4D, angles), weights)))(
        tf.tensor4d(x, [1, height, width, 3]),
      )
      .dataSync(),
  );
  for (const index of [0, 3 * (5 * width + 4), 3 * (7 * width + 5) + 1, 3 * (9 * width + 6) + 2]) {
    const [more, less] = [x.slice(), x.slice()];
    more[index] += 0.01;
    less[index] -= 0.01;
    // measured 1.7e-5: float32 values, divided by a step of 0.02
    expect(gradient[index]).toBeCloseTo((value(more) - value(less)) / 0.02, 3);
  }
  tf.dispose([weights, angles]);
});

test('masked is black in the mouth box and nowhere else', () => {
  const masked = tf.tidy(() => images.masked(tf.ones<tf.Rank.R4>([1, 104, 80, 3]) as tf.Tensor4D)).dataSync();
  const at = (row: number, column: number) => masked[(row * 80 + column) * 3];
  expect([at(31, 40), at(32, 7), at(32, 8), at(95, 71), at(96, 40), at(50, 72)]).toEqual([1, 1, 0, 0, 1, 1]);
  expect(masked.filter((value) => value === 0)).toHaveLength(64 * 64 * 3);
});

test('syncInput orders frames, colours and range as a recipe says', () => {
  const crop = { kind: 'dinet', size: 64, upright: 'median of five', sampling: 'exact' } as const;
  const mouths = tf.tidy(
    () =>
      tf.stack(
        Array.from({ length: 4 }, (_, i) =>
          tf.stack(
            [0.1 * i, 0.5, 1].map((v) => tf.fill([64, 64], v)),
            2,
          ),
        ),
      ) as tf.Tensor4D,
  );
  const rgb = tf.tidy(() => images.syncInput(mouths, { crop, frameCount: 2, color: 'RGB', range: [-1, 1] }));
  expect(rgb.shape).toEqual([2, 64, 64, 6]);
  // measured 1.2e-8
  [...rgb.dataSync().subarray(0, 6)].forEach((value, i) => expect(value).toBeCloseTo([-1, 0, 1, -0.8, 0, 1][i], 6));
  const bgr = tf.tidy(() =>
    images.syncInput(mouths, { crop: { ...crop, size: 32 }, frameCount: 2, color: 'BGR', range: [0, 255] }),
  );
  expect(bgr.shape).toEqual([2, 32, 32, 6]);
  // measured 0
  [...bgr.dataSync().subarray(0, 3)].forEach((value, i) => expect(value).toBeCloseTo([255, 127.5, 0][i], 4));
  tf.dispose([mouths, rgb, bgr]);
});

test.each(['RGB', 'BGR'] as const)(
  'a gradient goes through what a sync network sees in %s, to the colour it came from',
  (color) => {
    const crop = { kind: 'dinet', size: 64, upright: 'median of five', sampling: 'exact' } as const;
    const made = tf.tidy(() => {
      const seen = (mouths: tf.Tensor) =>
        images.syncInput(mouths as tf.Tensor4D, { crop, frameCount: 2, color, range: [0, 1] });
      const first = (mouths: tf.Tensor) => tf.sum(tf.slice(seen(mouths), [0, 0, 0, 0], [1, 64, 64, 1]));
      return tf.sum(tf.grad(first)(tf.ones([2, 64, 64, 3])), [1, 2]).dataSync();
    });
    const colour = color === 'RGB' ? 0 : 2;
    [...made].forEach((value, i) => expect(value).toBeCloseTo(i === colour ? 64 * 64 : 0, 4)); // measured 0
  },
);

test('ImageProcessor leaves one tensor, the one it returns, and refuses other shapes', () => {
  const [input, angles] = [faces(), tf.tensor1d([0, 0])];
  const before = tf.memory().numTensors;
  const out = images.mouths(input, angles);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(() =>
    images.mouths(
      input,
      tf.tidy(() => tf.tensor1d([0])),
    ),
  ).toThrow('angles must be of shape [2]');
  expect(() => images.masked(out)).toThrow('ImageProcessor.masked: faces must be of shape [n, 104, 80, 3]');
  expect(() => new ImageProcessor({ mouth: 60 })).toThrow(
    'ImageProcessor: mouth must be a multiple of 8 pixels, got 60',
  );
  const similarity = { kind: 'whole frame', size: 64, resize: 'none' } as const;
  expect(() => images.syncInput(out, { crop: similarity, frameCount: 2, color: 'RGB', range: [0, 1] })).toThrow(
    'recipe.crop.kind must be dinet',
  );
  tf.dispose([input, angles, out]);
});
