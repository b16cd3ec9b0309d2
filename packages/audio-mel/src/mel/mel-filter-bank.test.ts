import { expect, test } from 'vitest';
import fixture from '../../fixtures/mel.json';
import { bandCorners, hzToMel, melFilterBank, melToHz } from './mel-filter-bank';
import { THESIS_MEL } from './mel-recipe';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const floats = (text: string) => new Float32Array(bytes(text).buffer);

const { band, frequency, numpy, torchaudio } = fixture.filters;
/** A reference's non-zero weights as `[80, 401]`. */
function reference(weights: string): Float32Array {
  const [rows, columns] = [bytes(band), new Int16Array(bytes(frequency).buffer)];
  const dense = new Float32Array(80 * 401);
  floats(weights).forEach((weight, i) => (dense[rows[i] * 401 + columns[i]] = weight));
  return dense;
}
const difference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);

test.each([
  [440, 6.6],
  [1000, 15],
  [4000, 35.16376031],
])('hzToMel maps %d Hz as librosa does', (hz, mel) => {
  expect(hzToMel(hz)).toBeCloseTo(mel, 7); // measured 4.6e-9: the reference is written with 8 digits
  expect(melToHz(hzToMel(hz))).toBeCloseTo(hz, 11); // measured 0; a step of float64 at 4000 is 5e-13
});

test("melFilterBank equals librosa's formula in NumPy, and torchaudio to its float32 rounding", () => {
  const { weights, bins, frequencies } = melFilterBank(THESIS_MEL);
  expect([bins, frequencies, weights.length]).toEqual([80, 401, 80 * 401]);
  expect(difference(weights, reference(numpy))).toBeLessThan(4e-9); // one step of the largest weights, 0.027
  expect(difference(weights, reference(torchaudio))).toBeLessThan(1e-7); // measured 6.5e-8
});

test('every band has unit area in Hz where it is wide against the distance of two frequencies', () => {
  const { weights, frequencies } = melFilterBank({ ...THESIS_MEL, fftSize: 16000 });
  for (let b = 0; b < 80; b++) {
    const area = weights.subarray(b * frequencies, (b + 1) * frequencies).reduce((sum, weight) => sum + weight, 0);
    expect(area).toBeCloseTo(1, 3); // measured 4.6e-5: sums of 1 Hz steps instead of the integral
  }
});

test('bandCorners are evenly spaced on the mel scale', () => {
  const corners = bandCorners(THESIS_MEL);
  expect([corners.length, corners[0]]).toEqual([82, 55]);
  expect(corners[81]).toBeCloseTo(7600, 10); // measured 4.5e-12, five steps of float64
  // measured 6.7e-16
  expect(hzToMel(corners[41]) - hzToMel(corners[40])).toBeCloseTo(hzToMel(corners[1]) - hzToMel(corners[0]), 13);
});

test('melFilterBank refuses a band above half the sample rate', () => {
  expect(() => melFilterBank({ ...THESIS_MEL, maxHz: 9000 })).toThrow(
    'melFilterBank: recipe.maxHz must be above minHz',
  );
});
