import { expect, test } from 'vitest';
import { landmarksFromMediapipe } from './mediapipe-landmarks';

const mesh = (points: number, stride: number) =>
  Float32Array.from({ length: points * stride }, (_, i) =>
    i % stride === 2 ? 9 : Math.floor(i / stride) / 1000 + (i % stride) / 8,
  );

test.each([
  [468, 3],
  [478, 3],
  [468, 2],
  [478, 2],
])('landmarksFromMediapipe takes %i points of %i numbers', (points, stride) => {
  const found = landmarksFromMediapipe(mesh(points, stride), { width: 1000, height: 800 });
  expect(found).toHaveLength(136);
  const at = (index: number) =>
    [found[2 * index] / 1000, found[2 * index + 1] / 800].map((value) => Math.round(value * 1e3));
  expect(at(8)).toEqual([152, 277]); // chin
  expect(at(36)).toEqual([33, 158]); // outer corner of the eye on the image's left
  expect(at(45)).toEqual([263, 388]);
  expect(at(48)).toEqual([61, 186]); // mouth corners
  expect(at(54)).toEqual([291, 416]);
});

test('landmarksFromMediapipe refuses other sizes and what is not finite', () => {
  expect(() => landmarksFromMediapipe(new Float32Array(100), { width: 1, height: 1 })).toThrow(
    'mesh must be 468 or 478 points',
  );
  expect(() => landmarksFromMediapipe(mesh(468, 3), { width: 0, height: 1 })).toThrow(
    'image.width must be above 0, got 0',
  );
  const broken = mesh(468, 3);
  broken[152 * 3] = Number.NaN;
  expect(() => landmarksFromMediapipe(broken, { width: 1, height: 1 })).toThrow('mesh point 152 must be finite');
});
