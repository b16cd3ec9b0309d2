import { expect, test } from 'vitest';
import { numbers, readFixture, relativeDifference } from '../testing/torch-numbers';
import { gaussianFilter } from './gaussian-filter';

type Case = { frameCount: number; sigma: number; values: number[] };

test.each(readFixture<{ smoothing: Case[] }>('geometry').smoothing)(
  'gaussianFilter smooths $frameCount frames with sigma $sigma as SciPy does',
  ({ frameCount, sigma, values }) => {
    const data = numbers('smoothing', [frameCount, 5], -3, 3);
    const before = data.slice();
    // 6e-8: the result is rounded to float32
    expect(relativeDifference(gaussianFilter({ data, frameCount }, sigma), values)).toBeLessThan(1e-7);
    expect(data).toEqual(before);
  },
);

test('gaussianFilter keeps what does not change over time', () => {
  const data = Float32Array.from({ length: 40 }, (_, i) => i % 4);
  expect(relativeDifference(gaussianFilter({ data, frameCount: 10 }, 3), data)).toBeLessThan(1e-7);
});

test.each<[string, () => unknown, string]>([
  ['parts of a frame', () => gaussianFilter({ data: new Float32Array(7), frameCount: 2 }, 1), 'data must be'],
  ['no frame', () => gaussianFilter({ data: new Float32Array(4), frameCount: 0 }, 1), 'frameCount must be'],
  ['a negative sigma', () => gaussianFilter({ data: new Float32Array(4), frameCount: 2 }, -1), 'sigma must be'],
])('gaussianFilter refuses %s', (_, run, message) => {
  expect(run).toThrow(`gaussianFilter: ${message}`);
});
