import type { DinetCrop } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { similarity } from '../testing/made-windows';
import { storedCropFor, viewFraction } from './stored-crop';

const dinet: DinetCrop = { kind: 'dinet', size: 64, upright: 'median of five', sampling: 'exact' };

test('viewFraction is the ratio of the sides, 1 for equal crops', () => {
  expect(viewFraction(similarity(1.9, 96), similarity(1.18, 48))).toBeCloseTo(1.18 / 1.9, 14); // measured 0
  expect(viewFraction(similarity(1.9, 96), similarity(1.9, 96))).toBe(1);
  expect(viewFraction(dinet, { ...dinet })).toBe(1);
});

test('viewFraction refuses a crop that the stored frames do not hold', () => {
  expect(() => viewFraction(similarity(1.18, 48), similarity(1.9, 96))).toThrow(
    'viewFraction: wanted.side must be at most the stored',
  );
  expect(() => viewFraction(similarity(1.9, 96), { ...similarity(1.18, 48), window: 'frame' })).toThrow(
    'wanted.window must be "clip median"',
  );
  expect(() => viewFraction(dinet, { ...dinet, size: 128 })).toThrow('wanted must be the stored crop');
  expect(() => viewFraction(similarity(1.9, 96), dinet)).toThrow('wanted must be the stored crop');
});

test('storedCropFor leaves room around a similarity crop and keeps others', () => {
  expect(storedCropFor(similarity(1.18, 48))).toEqual(similarity(1.9, 96));
  expect(storedCropFor(similarity(2.5, 48))).toEqual(similarity(2.5, 48));
  expect(storedCropFor(dinet)).toBe(dinet);
});
