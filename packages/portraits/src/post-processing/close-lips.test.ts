import { describe, expect, test } from 'vitest';
import { madeFaces } from '../testing/made-faces';
import { readFixture, relativeDifference } from '../testing/torch-numbers';
import { closeLips } from './close-lips';

type Closed = { crossed: number[]; mouthY: number[] };
const { closed } = readFixture<{ closed: Record<'frame' | 'all frames', Closed> }>('geometry');

describe.each(['frame', 'all frames'] as const)('closeLips, outer lips by %s', (outer) => {
  const faces = madeFaces('crossing', 40);
  const out = closeLips(faces, { outer });
  const { crossed, mouthY } = closed[outer];

  test('moves the lips that cross as NumPy does', () => {
    const own = crossed.flatMap((frame) => Array.from({ length: 18 }, (_, i) => out[frame * 219 + (46 + i) * 3 + 1]));
    expect(crossed.length).toBeGreaterThan(1);
    expect(relativeDifference(own, mouthY)).toBeLessThan(1e-6); // sums in float32
  });

  test('leaves all other values as they are', () => {
    const moved = [...out.keys()].filter((i) => out[i] !== faces.data[i]);
    expect(moved.length).toBe(crossed.length * 16); // of the eighteen points of the mouth all but the outer corners
    for (const i of moved) expect([crossed.includes(Math.floor(i / 219)), i % 3]).toEqual([true, 1]);
  });
});

test('closeLips makes inner lips touch, and has nothing left to do then', () => {
  const faces = madeFaces('crossing', 40);
  const out = closeLips(faces);
  for (const frame of closed.frame.crossed)
    for (const [upper, lower] of [
      [63, 58],
      [62, 59],
      [61, 60],
    ])
      expect(out[frame * 219 + upper * 3 + 1]).toBeCloseTo(out[frame * 219 + lower * 3 + 1], 6);
});

test('closeLips refuses faces of another number of points', () => {
  expect(() => closeLips({ data: new Float32Array(68 * 3), frameCount: 1 })).toThrow(
    'closeLips: data must be [1, 73, 3], 219 values a frame, got 204 a frame',
  );
});
