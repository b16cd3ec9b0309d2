import { expect, test } from 'vitest';
import { toMono } from './to-mono';

test('toMono is the mean of the channels', () => {
  const channels = [Float32Array.of(1, 0, -1), Float32Array.of(0, 0, -1), Float32Array.of(-0.5, 0.75, -1)];
  const mono = toMono({ sampleRate: 8000, channels });
  expect(mono.sampleRate).toBe(8000);
  expect(mono.samples).toEqual(Float32Array.of(0.5 / 3, 0.25, -1));
});

test('one channel comes back without a copy', () => {
  const only = Float32Array.of(1, 2);
  expect(toMono({ sampleRate: 1, channels: [only] }).samples).toBe(only);
});

test('no channel, and channels of different lengths, are refused', () => {
  expect(() => toMono({ sampleRate: 1, channels: [] })).toThrow(
    'toMono: channels must be at least one Float32Array, got 0',
  );
  const channels = [new Float32Array(1), new Float32Array(2)];
  expect(() => toMono({ sampleRate: 1, channels })).toThrow('toMono: channels must be of one length, got [1, 2]');
});
