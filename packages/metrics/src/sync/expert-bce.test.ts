import { describe, expect, test } from 'vitest';
import { ExpertBceScorer, expertBce } from './expert-bce';

/** Rows `(1, 0)` of images, and audio at the given cosines to them. */
function clip(cosines: number[]) {
  const visual = Float32Array.from(cosines.flatMap(() => [2, 0]));
  const audio = Float32Array.from(cosines.flatMap((cosine) => [3 * cosine, 3 * Math.sqrt(1 - cosine ** 2)]));
  return { visual, audio, dimension: 2 };
}

describe('expertBce', () => {
  test('is the mean of -ln clip(cosine, 0.001, 1) over every fifth window', () => {
    const cosines = [0.5, -1, -1, -1, -1, 0.25, -1, -1, -1, -1, 1];
    const wanted = (Math.log(2) + Math.log(4) + 0) / 3;
    expect(expertBce({ cosines })).toBeCloseTo(wanted, 14); // measured 0 in float64, 1.4e-8 from float32 rows
    expect(expertBce(clip(cosines))).toBeCloseTo(wanted, 6);
  });

  test('counts all windows with step 1', () => {
    expect(expertBce({ cosines: [0.5, 0.25] }, { step: 1 })).toBeCloseTo((Math.log(2) + Math.log(4)) / 2, 14);
  });

  test('is 0 for certainty and 6.9 for a cosine of 0, below it and for embeddings of zeros', () => {
    expect(expertBce({ cosines: [1.00005] })).toBe(0); // of rounded embeddings
    for (const cosine of [0, 1e-3, -1]) expect(expertBce({ cosines: [cosine] })).toBeCloseTo(-Math.log(1e-3), 12);
    expect(expertBce({ visual: new Float32Array(4), audio: new Float32Array(4), dimension: 4 })).toBeCloseTo(
      -Math.log(1e-3),
      12,
    );
  });

  test('refuses empty clips, rows that do not fit and cosines that are none', () => {
    expect(() => expertBce({ cosines: [] })).toThrow('expertBce: clip must be of at least one window, got none');
    expect(() => expertBce({ cosines: [1.1] })).toThrow('expertBce: cosines must be within -1..1, got 1.1 at window 0');
    expect(() => expertBce({ cosines: [1, NaN] }, { step: 1 })).toThrow('got NaN at window 1');
    expect(() => expertBce({ ...clip([1]), dimension: 4 })).toThrow(
      'expertBce: visual must be a Float32Array of whole rows of 4 numbers, got 2',
    );
    expect(() => expertBce({ ...clip([1]), audio: new Float32Array(4) })).toThrow(
      'audio must be a Float32Array of 2 numbers, as visual is, got 4',
    );
    expect(() => expertBce({ ...clip([1]), visual: Float32Array.of(NaN, 1) })).toThrow(
      'embeddings must be finite, got another kind in row 0',
    );
    expect(() => expertBce({ cosines: [1] }, { step: 0 })).toThrow(
      'expertBce: step must be a whole number above 0, got 0',
    );
    expect(() => expertBce({ ...clip([1]), dimension: 0 })).toThrow('dimension must be a whole number above 0');
  });
});

test('ExpertBceScorer weighs windows of all clips alike and keeps the mean cosine beside', () => {
  const scorer = new ExpertBceScorer({ step: 1, expert: 'Wav2Lip' });
  expect(() => scorer.compute()).toThrow('ExpertBceScorer.compute: samples so far must be at least one');
  scorer.update({ cosines: [1, 1, 1] });
  scorer.update(clip([0.5]));
  const { value, meanCosine, samples, convention } = scorer.compute();
  expect(value).toBeCloseTo(Math.log(2) / 4, 6); // measured 7.7e-9: float32 rows
  expect(meanCosine).toBeCloseTo(3.5 / 4, 6);
  expect(samples).toBe(4);
  expect(convention).toBe('mean of -ln clip(cosine, 0.001, 1) by Wav2Lip over every window of a clip');
  scorer.reset();
  expect(() => scorer.compute()).toThrow('call update first');
});
