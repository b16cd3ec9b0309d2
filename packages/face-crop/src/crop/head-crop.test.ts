import { expect, test } from 'vitest';
import fixture from '../../fixtures/crops.json';
import { noiseImage } from '../testing/noise-image';
import { headBox } from './head-box';
import { headCrop, mouthCrop } from './head-crop';

const image = noiseImage(26, 9);
/** The left 20 columns, as in the reference. */
const head = {
  data: Uint8Array.from({ length: 26 * 20 * 3 }, (_, i) => image[Math.floor(i / 60) * 78 + (i % 60)]),
  width: 20,
  height: 26,
};

test.each(fixture.thesis)(
  'mouthCrop by half a pixel equals the formula of the thesis at $degrees degrees',
  ({ degrees, crop }) => {
    const ours = mouthCrop(head, { angle: (-degrees * Math.PI) / 180, sampling: 'half pixel' });
    ours.forEach((value, i) => expect(Math.abs(value - crop[i])).toBeLessThan(0.502));
  },
);

test('mouthCrop is exact by default: upright it is the mouth box itself', () => {
  const { left, top, mouth: size } = headBox(16);
  const ours = mouthCrop(head);
  const box = Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const [row, rest] = [Math.floor(i / (size * 3)), i % (size * 3)];
    return head.data[((top + row) * 20 + left) * 3 + rest];
  });
  expect(ours).toEqual(box);
});

/** 40 x 40, each pixel's red its column and green its row. */
const frame = {
  data: Uint8Array.from({ length: 40 * 40 * 3 }, (_, i) => [Math.floor(i / 3) % 40, Math.floor(i / 120), 200][i % 3]),
  width: 40,
  height: 40,
  index: 0,
  timeSec: 0,
};

function pointsAt(x: number, y: number): Float32Array {
  const points = new Float32Array(136);
  points[2 * 33] = x;
  points[2 * 29 + 1] = y;
  return points;
}

const pixel = ({ data, width }: { data: Uint8Array; width: number }, row: number, column: number) => [
  ...data.subarray((row * width + column) * 3, (row * width + column) * 3 + 3),
];

test('headCrop inside the image starts at x33 - r - q and y29 - r', () => {
  const crop = headCrop(frame, pointsAt(18.6, 14.2), 8);
  expect([crop.width, crop.height]).toEqual([20, 26]);
  expect(pixel(crop, 0, 0)).toEqual([8, 6, 200]);
  expect(pixel(crop, 25, 19)).toEqual([27, 31, 200]);
});

test('headCrop centres what is left of a crop, or keeps it in place', () => {
  const points = pointsAt(18, 4);
  // rows -4 .. 22: four are missing above
  const centred = headCrop(frame, points, 8);
  expect(pixel(centred, 1, 0)).toEqual([0, 0, 0]);
  expect(pixel(centred, 2, 0)).toEqual([8, 0, 200]);
  expect(pixel(centred, 24, 0)).toEqual([0, 0, 0]);
  const placed = headCrop(frame, points, 8, { placement: 'in place' });
  expect(pixel(placed, 3, 0)).toEqual([0, 0, 0]);
  expect(pixel(placed, 4, 0)).toEqual([8, 0, 200]);
  expect(pixel(placed, 25, 0)).toEqual([8, 21, 200]);
});

test('headCrop beside the image is black', () => {
  expect(headCrop(frame, pointsAt(500, 500), 8).data.every((value) => value === 0)).toBe(true);
});

test('headCrop and mouthCrop refuse what is no head crop', () => {
  expect(() => headCrop(frame, new Float32Array(3), 8)).toThrow('headCrop: points must be');
  expect(() => headCrop(frame, pointsAt(20, 20), 3)).toThrow(
    'headCrop: radius must be a whole number of pixels, at least 4, got 3',
  );
  expect(() => mouthCrop({ data: new Uint8Array(300), width: 10, height: 10 })).toThrow(
    'headBoxOf: image must be of 2r + 2q by 3r + q pixels with q = floor(r / 4), got [10, 10]',
  );
});
