import { expect, test } from 'vitest';
import { assertPreparation, GENERAL, PREPARATIONS } from './preparation';

test('every named preparation is valid and survives JSON', () => {
  for (const preparation of Object.values(PREPARATIONS)) {
    expect(assertPreparation('f', JSON.parse(JSON.stringify(preparation)))).toEqual(preparation);
  }
  expect(PREPARATIONS['thesis-hdtf']).toMatchObject({
    shots: 'none',
    segmentSec: 10,
    minSegmentSec: 3,
    offset: 'correct',
    storage: 'dinet head',
    toleratedOffset: 0,
    correctionConfidence: 0,
    minConfidence: 0,
  });
  expect(PREPARATIONS['thesis-hallo3'].gates).toMatchObject({
    maxAsymmetry: 0.17,
    maxOffCentre: 0.33,
    minLipsInside: 1,
  });
  expect(PREPARATIONS.latentsync).toMatchObject({ shotThreshold: 2, segmentSec: 5, minConfidence: 3, maxOffset: 6 });
});

test.each([
  [{ shots: 'often' as never }, 'f: preparation.shots must be ("adaptive" | "content" | "none"), got often'],
  [{ faces: 'mine' as never }, 'preparation.faces must be'],
  [{ minFrames: 1.5 }, 'f: preparation.minFrames must be a whole number, got 1.5'],
  [{ maxOffset: -1 }, 'preparation.maxOffset must be >=0, got -1'],
  [{ gates: { ...GENERAL.gates, minVoiced: Number.NaN } }, 'preparation.gates.minVoiced must be number, got NaN'],
])('%o is refused', (options, message) => {
  expect(() => assertPreparation('f', { ...GENERAL, ...options })).toThrow(message);
});
