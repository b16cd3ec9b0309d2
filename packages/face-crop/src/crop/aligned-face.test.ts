import { expect, test } from 'vitest';
import fixture from '../../fixtures/boxes.json';
import { alignFace, cutAlignedFace } from './aligned-face';

/** A track whose brows and nose are at the given points. */
function trackOf(faces: number[][][]) {
  const points = new Float32Array(faces.length * 136);
  faces.forEach(([left, right, nose], frame) => {
    for (const [from, to, [x, y]] of [
      [17, 22, left],
      [22, 27, right],
      [27, 36, nose],
    ] as [number, number, number[]][]) {
      for (let i = from; i < to; i++) points.set([x + 0.5, y + 0.5], frame * 136 + 2 * i);
    }
  });
  return { id: 0, firstFrame: 0, frameCount: faces.length, points, score: 1, interpolated: 0 };
}

test('alignFace is the similarity that NumPy finds, smoothed from frame to frame', () => {
  const transforms = alignFace(trackOf(fixture.aligned.map(({ points }) => points)));
  transforms.forEach((transform, frame) =>
    // measured 2.8e-14; NumPy solves in float64 too, at values of 100
    transform.forEach((value, i) => expect(value, `frame ${frame}`).toBeCloseTo(fixture.aligned[frame].matrix[i], 11)),
  );
});

test('alignFace puts brows and nose where the template has them', () => {
  const [[a, b, c, d, e, f]] = alignFace(
    trackOf([
      [
        [47.6, 56],
        [162.4, 56],
        [105, 112],
      ].map(([x, y]) => [x + 20, y + 10]),
    ]),
  );
  // canvas (105, 112) is the nose: 20 right and 10 down of it in the image, up to the rounding of points
  expect(a * 105 + b * 112 + c).toBeCloseTo(125, 0);
  expect(d * 105 + e * 112 + f).toBeCloseTo(122, 0);
  // measured 0.0053: alignFace rounds the points to whole pixels, half of one in 100
  expect(Math.hypot(a, d)).toBeCloseTo(1, 1);
});

test('alignFace refuses points that coincide', () => {
  expect(() =>
    alignFace(
      trackOf([
        [
          [5, 5],
          [5, 5],
          [5, 5],
        ],
      ]),
    ),
  ).toThrow('three different points');
});

test('cutAlignedFace shows the canvas resized to a square, gray outside the image', () => {
  const [width, height] = [210, 280];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    i % 3 === 0 ? Math.floor(i / 3) % width : Math.floor(i / 3 / width) % 256,
  );
  const frame = { data, width, height, index: 0, timeSec: 0 };
  const crop = cutAlignedFace(frame, [1, 0, 0, 0, 1, 0], 64);
  // pixel (32, 16): column (16.5 * 210 / 64) - 0.5, row (32.5 * 280 / 64) - 0.5
  expect(crop[(32 * 64 + 16) * 3]).toBe(Math.round((16.5 * 210) / 64 - 0.5));
  expect(crop[(32 * 64 + 16) * 3 + 1]).toBe(Math.round((32.5 * 280) / 64 - 0.5));
  const outside = cutAlignedFace(frame, [1, 0, 1000, 0, 1, 0], 8);
  expect(new Set(outside)).toEqual(new Set([127]));
  expect(() => cutAlignedFace(frame, [1, 0, 0, 0, 1, 0], 8, new Uint8Array(3))).toThrow(
    'cutAlignedFace: out must be 192 bytes long',
  );
});
