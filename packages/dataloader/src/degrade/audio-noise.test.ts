import { expect, test } from 'vitest';
import { audioNoise, NOISE_KINDS } from './audio-noise';

/** Mean power a Hz between two frequencies, by the definition of the Fourier transform at some of them. */
function density(table: Float32Array, low: number, high: number): number {
  let sum = 0;
  const first = Math.round((low * 65536) / 16000);
  const step = Math.max(1, Math.floor(((high - low) * 65536) / 16000 / 60));
  for (let j = 0; j < 60; j++) {
    let real = 0;
    let imaginary = 0;
    const turn = (2 * Math.PI * (first + j * step)) / 65536;
    for (let n = 0; n < table.length; n++) {
      real += table[n] * Math.cos(turn * n);
      imaginary += table[n] * Math.sin(turn * n);
    }
    sum += real * real + imaginary * imaginary;
  }
  return sum / 60;
}
const decibels = (ratio: number) => 10 * Math.log10(ratio);

test.each(NOISE_KINDS)('%s noise has mean 0, mean square 1, no peaks that would clip, and is made once', (kind) => {
  const table = audioNoise(kind);
  expect(table).toHaveLength(65536);
  // measured 2e-10: the table is float32
  expect(table.reduce((sum, value) => sum + value, 0) / 65536).toBeCloseTo(0, 8);
  expect(table.reduce((sum, value) => sum + value * value, 0) / 65536).toBeCloseTo(1, 8); // measured 4.1e-10
  expect(table.reduce((most, value) => Math.max(most, Math.abs(value)), 0)).toBeLessThan(kind === 'babble' ? 12 : 5.5);
  expect(audioNoise(kind)).toBe(table);
});

test('white noise is even, pink falls by 3 dB an octave', () => {
  const [white, pink] = [audioNoise('white'), audioNoise('pink')];
  expect(Math.abs(decibels(density(white, 4000, 7000) / density(white, 200, 400)))).toBeLessThan(1.5);
  expect(Math.abs(decibels(density(pink, 200, 400) / density(pink, 3200, 6400)) - decibels(16))).toBeLessThan(1.5);
});

test('babble has the spectrum of speech and its syllable rate', () => {
  const babble = audioNoise('babble');
  expect(decibels(density(babble, 300, 900) / density(babble, 5000, 7000))).toBeGreaterThan(20);
  const levels = Array.from({ length: 128 }, (_, i) =>
    babble.subarray(i * 512, (i + 1) * 512).reduce((sum, value) => sum + value * value, 0),
  );
  const mean = levels.reduce((sum, value) => sum + value, 0) / 128;
  const spread = Math.sqrt(levels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 128) / mean;
  expect(spread).toBeGreaterThan(0.3); // steady noise of 512 samples: about 0.1
  expect(spread).toBeLessThan(1.5);
});

test('the end of a table joins its beginning', () => {
  const pink = audioNoise('pink');
  const steps = Array.from(pink, (value, i) => Math.abs(value - pink[(i + 65535) & 65535]));
  expect(steps[0]).toBeLessThan(3 * Math.sqrt(steps.reduce((sum, value) => sum + value * value, 0) / 65536));
});
