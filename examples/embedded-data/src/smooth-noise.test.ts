import { expect, test } from 'vitest';
import { smoothNoise } from './smooth-noise';

test('the field is seeded, bounded and smooth', () => {
  const noise = smoothNoise(3);
  expect(noise(1.3, -2.7)).toBe(smoothNoise(3)(1.3, -2.7));
  expect(noise(1.3, -2.7)).not.toBe(smoothNoise(4)(1.3, -2.7));
  for (let i = 0; i < 2000; i++) {
    const value = noise(i * 0.037, i * 0.011);
    expect(Math.abs(value)).toBeLessThanOrEqual(1);
    // measured 0.0022, the slope times the step
    expect(Math.abs(value - noise(i * 0.037 + 0.001, i * 0.011))).toBeLessThan(0.01);
  }
});
