import { expect, test } from 'vitest';
import { assertFeatures, assertWaveform } from './audio';

test('assertWaveform accepts mono float audio', () => {
  expect(() => assertWaveform('f', { samples: new Float32Array(3), sampleRate: 16000 })).not.toThrow();
});

test('assertWaveform names the first sample that is not finite', () => {
  const samples = Float32Array.from([0, Number.NaN, 0]);
  expect(() => assertWaveform('f', { samples, sampleRate: 16000 })).toThrow(
    'f: waveform.samples must be finite, got NaN at sample 1',
  );
});

test('assertWaveform refuses a rate of 0 and samples of another kind', () => {
  expect(() => assertWaveform('f', { samples: new Float32Array(1), sampleRate: 0 })).toThrow('waveform.sampleRate');
  expect(() => assertWaveform('f', { samples: [0] as unknown as Float32Array, sampleRate: 1 })).toThrow(TypeError);
});

test('assertFeatures refuses data of another length than steps * bins', () => {
  expect(() => assertFeatures('f', { data: new Float32Array(160), steps: 2, bins: 80 })).not.toThrow();
  expect(() => assertFeatures('f', { data: new Float32Array(159), steps: 2, bins: 80 })).toThrow(
    'f: features.data must be of steps * bins = 2 * 80 values, got 159',
  );
});
