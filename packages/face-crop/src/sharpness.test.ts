import { expect, test } from 'vitest';
import { formulaNumbers } from '../../../tests/support/formula-weights';
import fixture from '../fixtures/sharpness.json';
import { laplacianSharpness } from './sharpness';

const noise = (width: number, height: number) =>
  Uint8Array.from(formulaNumbers(`noise ${width}x${height}`, width * height * 3, 0, 255.999), Math.floor);

function wave(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) for (let colour = 0; colour < 3; colour++, i++) data[i] = Math.floor(127 + 100 * Math.sin((x + 2 * y) / 9 + colour));
  }
  return data;
}

/** Each pixel the mean of its square of 3 x 3, inside the picture. */
function blurred(rgb: Uint8Array, width: number, height: number): Uint8Array {
  return rgb.map((_, i) => {
    const [x, y, colour] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    let [sum, count] = [0, 0];
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++, count++) sum += rgb[3 * (v * width + u) + colour];
    }
    return sum / count;
  });
}

test.each(fixture.cases)('a picture of $kind, $width x $height, is as sharp as OpenCV says', ({ kind, width, height, sum, variance }) => {
  const picture = kind === 'noise' ? noise(width, height) : wave(width, height);
  expect(picture.reduce((total, value) => total + value, 0)).toBe(sum); // the same picture as the reference's
  expect(Math.abs(laplacianSharpness(picture, width, height) / variance - 1)).toBeLessThan(1e-12);
});

test('a plain picture has no sharpness, a blurred one less than before, and mirroring changes nothing', () => {
  const picture = noise(48, 48);
  expect(laplacianSharpness(new Uint8Array(30 * 20 * 3).fill(77), 30, 20)).toBe(0);
  const sharp = laplacianSharpness(picture, 48, 48);
  expect(laplacianSharpness(blurred(picture, 48, 48), 48, 48)).toBeLessThan(0.1 * sharp);
  const mirrored = picture.map((_, i) => picture[3 * (48 * Math.floor(i / 144) + 47 - (Math.floor(i / 3) % 48)) + (i % 3)]);
  expect(laplacianSharpness(mirrored, 48, 48)).toBeCloseTo(sharp, 8);
});

test('laplacianSharpness refuses what is no picture', () => {
  expect(() => laplacianSharpness(new Uint8Array(3), 1, 1)).toThrow('laplacianSharpness: width must be a whole number of pixels, at least 2, got 1');
  expect(() => laplacianSharpness(new Uint8Array(10), 2, 2)).toThrow('laplacianSharpness: rgb must be a Uint8Array of 2 x 2 x 3 values, got 10');
});
