import { describe, expect, test } from 'vitest';
import fixture from '../../fixtures/resample.json';
import { resample } from './resample';

const floats = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);

test.each(fixture.cases.map((one) => [one.from, one.to, one] as const))(
  'resampling %d to %d Hz equals torchaudio with the same Kaiser window',
  (from, to, { x, y, zeroCrossings, rolloff, kaiserBeta }) => {
    const out = resample({ samples: floats(x), sampleRate: from }, to, { zeroCrossings, rolloff, kaiserBeta });
    const expected = floats(y);
    expect([out.sampleRate, out.samples.length]).toEqual([to, expected.length]);
    const worst = out.samples.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
    expect(worst).toBeLessThan(1.2e-7); // float32 steps at the largest values, about 1
  },
);

/** Level of a sine of `hz` after resampling, dB, over the middle half. */
function levelDb(hz: number, from: number, to: number): number {
  const samples = Float32Array.from({ length: from / 4 }, (_, n) => Math.sin((2 * Math.PI * hz * n) / from + 0.3));
  const out = resample({ samples, sampleRate: from }, to).samples;
  const middle = out.subarray(out.length >> 2, (3 * out.length) >> 2);
  return 10 * Math.log10((2 * middle.reduce((sum, value) => sum + value * value, 0)) / middle.length);
}

describe.each([48000, 44100])('from %d to 16000 Hz', (from) => {
  test.each([100, 1000, 4000, 7000, 7600])('%d Hz passes within 0.001 dB', (hz) => {
    expect(Math.abs(levelDb(hz, from, 16000))).toBeLessThan(0.0005); // measured 5.7e-5: the ripple of the Kaiser window
  });
  test.each([8008, 8200, 9000, 12000, 20000])('%d Hz, which would be an alias, is 100 dB down', (hz) => {
    expect(levelDb(hz, from, 16000)).toBeLessThan(-100);
  });
});

test('a sine keeps its phase: the delay is 0', () => {
  const sine = (rate: number) =>
    Float32Array.from({ length: rate / 4 }, (_, n) => Math.sin((2 * Math.PI * 440 * n) / rate));
  const out = resample({ samples: sine(44100), sampleRate: 44100 }, 16000).samples;
  const expected = sine(16000);
  // measured 4.8e-7; the stop band of -100 dB would allow 1e-5
  for (let n = 400; n < 3600; n++) expect(Math.abs(out[n] - expected[n])).toBeLessThan(3e-6);
});

test('up and down again returns the signal below the edge', () => {
  const samples = Float32Array.from(
    { length: 4000 },
    (_, n) => Math.sin(n * 0.3) * Math.sin((Math.PI * n) / 4000) ** 2,
  );
  const there = resample({ samples, sampleRate: 8000 }, 16000);
  const back = resample(there, 8000);
  expect(back.samples.length).toBe(4000);
  const worst = back.samples.reduce((most, value, n) => Math.max(most, Math.abs(value - samples[n])), 0);
  expect(worst).toBeLessThan(2e-6); // measured 1.8e-7
});

test('rates without a common divisor use the fine table, as accurate as separate taps', () => {
  const hz = 3000;
  const sine = (rate: number, length: number) =>
    Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hz * n) / rate));
  const out = resample({ samples: sine(44099, 4000), sampleRate: 44099 }, 16001).samples;
  const expected = sine(16001, out.length);
  // measured 4.8e-7; a coarse table would give more than 1e-5
  for (let n = 200; n < out.length - 200; n++) expect(Math.abs(out[n] - expected[n])).toBeLessThan(3e-6);
});

test('the same rate is a copy; no samples give no samples', () => {
  const samples = Float32Array.of(1, 2, 3);
  const out = resample({ samples, sampleRate: 16000 }, 16000);
  expect(out.samples).toEqual(samples);
  expect(out.samples).not.toBe(samples);
  expect(resample({ samples: new Float32Array(0), sampleRate: 48000 }, 16000).samples.length).toBe(0);
});

test('resample refuses rates and options out of range', () => {
  const waveform = { samples: new Float32Array(4), sampleRate: 48000 };
  expect(() => resample(waveform, 0)).toThrow('resample: sampleRate must be a whole number of Hz above 0, got 0');
  expect(() => resample({ ...waveform, sampleRate: 0.5 }, 16000)).toThrow('waveform.sampleRate must be a whole number');
  expect(() => resample(waveform, 16000, { zeroCrossings: 0 })).toThrow(
    'zeroCrossings must be a whole number above 0, got 0',
  );
  expect(() => resample(waveform, 16000, { rolloff: 1.1 })).toThrow('rolloff must be above 0 and at most 1, got 1.1');
  expect(() => resample(waveform, 16000, { kaiserBeta: -1 })).toThrow('kaiserBeta must be 0 to 100, got -1');
  expect(() => resample({ ...waveform, samples: Float32Array.of(Number.NaN) }, 16000)).toThrow('finite');
});
