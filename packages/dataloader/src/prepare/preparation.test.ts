import { expect, test } from 'vitest';
import { assertPreparation, GENERAL, PREPARATIONS } from './preparation';

test('every named preparation makes sense and survives a file', () => {
  for (const preparation of Object.values(PREPARATIONS)) {
    expect(assertPreparation('f', JSON.parse(JSON.stringify(preparation)))).toEqual(preparation);
  }
  expect(PREPARATIONS['thesis-hdtf']).toMatchObject({
    shots: 'none',
    segmentSec: 10,
    minSegmentSec: 3,
    offset: 'correct',
  });
  expect(PREPARATIONS['thesis-hallo3'].gates.maxAsymmetry).toBe(0.17);
  expect(PREPARATIONS.latentsync).toMatchObject({ shotThreshold: 2, segmentSec: 5, minConfidence: 3, maxOffset: 6 });
});

test.each([
  [{ shots: 'often' as never }, 'f: preparation.shots must be adaptive or content or none, got often'],
  [{ faces: 'mine' as never }, 'preparation.faces must be'],
  [{ minFrames: 1.5 }, 'f: minFrames must be a whole number above 0, got 1.5'],
  [{ maxOffset: -1 }, 'preparation.maxOffset must be a whole number, 0 or more, got -1'],
  [{ gates: { ...GENERAL.gates, minVoiced: Number.NaN } }, 'preparation.gates.minVoiced must be at least 0, got NaN'],
])('%o is refused', (options, message) => {
  expect(() => assertPreparation('f', { ...GENERAL, ...options })).toThrow(message);
});
