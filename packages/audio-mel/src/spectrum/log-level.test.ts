import { expect, test } from 'vitest';
import { LogLevel } from './log-level';

const DECIBEL = { floor: 1e-5, gain: 1, shift: 0, limit: 1000 };

test('the logarithm is as near to Math.log as float32 can tell, over 200 decades', () => {
  const level = new LogLevel(1, { ...DECIBEL, floor: 1e-100 });
  const out = new Float32Array(1);
  let beyond = 0;
  for (let i = 0; i < 20000; i++) {
    const value = 10 ** (-100 + i / 100 + (i % 7) * 1e-4);
    level.values[0] = value;
    level.write(out, 0);
    const exact = Math.log(value);
    if (Math.abs(out[0] - exact) > 4e-12 + Math.abs(exact) * 2 ** -24) beyond++;
  }
  expect(beyond).toBe(0);
});

test('values are clipped at the floor and at the limit, zero and the smallest numbers too', () => {
  const level = new LogLevel(7, { floor: 1e-5, gain: 2, shift: 1, limit: 10 });
  level.values.set([0, 5e-324, 1e-310, 1e-6, 1e-5, 1, 1e9]);
  const out = new Float32Array(8);
  level.write(out, 1);
  expect([...out]).toEqual([0, -10, -10, -10, -10, -10, 1, 10]);
  const high = new LogLevel(2, { floor: 1e-5, gain: 1, shift: 20, limit: 30 });
  high.values.set([0, 1e-7]);
  high.write(out, 0);
  const floor = Math.fround(Math.log(1e-5) + 20);
  expect([out[0], out[1]]).toEqual([floor, floor]);
});

test('values stay as they were', () => {
  const level = new LogLevel(2, DECIBEL);
  level.values.set([3, 0.25]);
  level.write(new Float32Array(2), 0);
  expect([...level.values]).toEqual([3, 0.25]);
});
