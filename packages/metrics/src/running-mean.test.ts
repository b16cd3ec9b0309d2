import { expect, test } from 'vitest';
import { RunningMean } from './running-mean';

test('RunningMean is the mean of what came, in 64 bits, and has none before', () => {
  const mean = new RunningMean();
  expect(() => mean.mean('f')).toThrow(new Error('f: samples so far must be at least one (call update first), got 0'));
  for (const value of [1e9, 1, -1e9, 3]) mean.add(value);
  expect(mean.mean('f')).toBe(1);
  expect(mean.count).toBe(4);
  mean.reset();
  expect(mean.count).toBe(0);
  expect(() => mean.mean('f')).toThrow('call update first');
});
