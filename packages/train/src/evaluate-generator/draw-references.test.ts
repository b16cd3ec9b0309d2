import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { drawReferences, REFERENCE_DISTANCE } from './draw-references';

test.each([20, 29, 75, 250])(
  'in a clip of %d frames no reference is nearer than five frames, and few sets differ',
  (count) => {
    const sets = drawReferences(count, 5, new Random(3));
    expect(sets).toHaveLength(count);
    expect(sets.every((set) => set.length === 5 && set.every((reference) => reference >= 0 && reference < count))).toBe(
      true,
    );
    const nearest = Math.min(
      ...sets.map((set, frame) => Math.min(...set.map((reference) => Math.abs(reference - frame)))),
    );
    expect(nearest).toBeGreaterThanOrEqual(REFERENCE_DISTANCE);
    expect(new Set(sets.map(String)).size).toBeLessThanOrEqual(32);
  },
);

test('references are spread over the clip, and a draw is its seed’s alone', () => {
  const sets = drawReferences(100, 5, new Random(1, 2));
  expect(sets).toEqual(drawReferences(100, 5, new Random(1, 2)));
  expect(sets).not.toEqual(drawReferences(100, 5, new Random(1, 3)));
  sets[50].forEach((reference, i) => expect(Math.abs(reference - (20 * i + 10))).toBeLessThanOrEqual(20));
});

test('in a clip of a few frames no frame is its own reference', () => {
  for (const count of [2, 3, 6]) {
    drawReferences(count, 5, new Random(9)).forEach((set, frame) => expect(set).not.toContain(frame));
  }
  expect(() => drawReferences(1, 5, new Random(1))).toThrow(
    'drawReferences: count must be a whole number of at least 2, got 1',
  );
});
