import { expect, test } from 'vitest';
import { white } from '../testing/made-speech';
import { convolve } from './convolve';

const audio = (length: number, seed: number) => Float32Array.from(white(length, seed));
const filtered = (samples: Float32Array, response: Float32Array) =>
  convolve({ samples, sampleRate: 16000 }, response).samples;
const sums = (samples: Float32Array, response: Float32Array) =>
  Float64Array.from(samples, (_, n) => {
    let sum = 0;
    for (let k = Math.min(n, response.length - 1); k >= 0; k--) sum += response[k] * samples[n - k];
    return sum;
  });

test.each([
  [1, 1],
  [5, 40],
  [100, 32],
  [100, 33],
  [1000, 999],
  [3000, 700],
  [5000, 9000],
  [140000, 100],
])('convolve of %d samples with a response of %d values is the sum that defines it', (length, taps) => {
  const samples = audio(length, 1);
  const response = audio(taps, 2);
  const expected = sums(samples, response);
  const most = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const out = filtered(samples, response);
  expect(out).toHaveLength(length);
  let worst = 0;
  for (let n = 0; n < length; n++) worst = Math.max(worst, Math.abs(out[n] - expected[n]));
  expect(worst / most).toBeLessThan(1e-7); // measured 4.8e-8: the results are float32, whose half step is 6e-8
});

test('a response of 1 at lag d delays by d', () => {
  const samples = audio(2000, 3);
  const delay = new Float32Array(500);
  delay[400] = 1;
  const out = filtered(samples, delay);
  // measured 5e-16, from float64 sums that are then rounded to float32
  for (let n = 0; n < 2000; n++) expect(out[n]).toBeCloseTo(n < 400 ? 0 : samples[n - 400], 7);
});

test('convolve keeps the sample rate', () => {
  expect(convolve({ samples: audio(10, 1), sampleRate: 8000 }, Float32Array.of(1)).sampleRate).toBe(8000);
});

test('no samples give none, and the arguments stay as they were', () => {
  expect(filtered(new Float32Array(0), Float32Array.of(1))).toHaveLength(0);
  const samples = audio(300, 4);
  const response = audio(100, 5);
  filtered(samples, response);
  expect(samples).toEqual(audio(300, 4));
  expect(response).toEqual(audio(100, 5));
});

test('convolve refuses an empty response', () => {
  expect(() => filtered(new Float32Array(3), new Float32Array(0))).toThrow(
    'convolve: response must be at least one value long, got none',
  );
});
