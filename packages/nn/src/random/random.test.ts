import { describe, expect, test } from 'vitest';
import { Random } from './random';

const take = (n: number, next: () => number) => Array.from({ length: n }, next);
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Pearson's chi-squared statistic of counts that should be equal. */
function chiSquared(counts: number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('Random', () => {
  test('gives the same values for the same seed and stream, whatever was drawn from others', () => {
    const one = new Random(7, 1, 2);
    new Random(7, 1, 3).uniform();
    expect(take(5, () => one.bits())).toEqual(
      take(
        5,
        (
          (other) => () =>
            other.bits()
        )(new Random(7, 1, 2)),
      ),
    );
  });

  test('is uniform: 256 cells pass the chi-squared test for many seeds and both ends of the bits', () => {
    for (const seed of [0, 1, 2, 42, -1, 2 ** 40]) {
      const random = new Random(seed);
      const high = new Array(256).fill(0);
      const low = new Array(256).fill(0);
      for (let i = 0; i < 51200; i++) {
        const bits = random.bits();
        high[bits >>> 24]++;
        low[bits & 255]++;
      }
      // 255 degrees of freedom: mean 255, deviation 22.6; 5 deviations
      for (const counts of [high, low]) expect(Math.abs(chiSquared(counts) - 255)).toBeLessThan(113);
    }
  });

  test('neighbouring streams are independent: the first values of 40000 of them fill a square evenly', () => {
    const cells = new Array(256).fill(0);
    for (let stream = 0; stream < 40000; stream++) {
      const x = Math.floor(new Random(3, stream).uniform() * 16);
      const y = Math.floor(new Random(3, stream + 1).uniform() * 16);
      cells[x * 16 + y]++;
    }
    expect(Math.abs(chiSquared(cells) - 255)).toBeLessThan(113);
    // correlation of two long streams
    const [a, b] = [new Random(5, 0), new Random(5, 1)];
    const products = take(20000, () => (a.uniform() - 0.5) * (b.uniform() - 0.5));
    expect(Math.abs(mean(products))).toBeLessThan(5 / 12 / Math.sqrt(20000)); // measured 4.1e-4
  });

  test('order and count of stream numbers matter: (1, 2), (2, 1), (1, 2, 0) and (1) differ', () => {
    const firsts = [[1, 2], [2, 1], [1, 2, 0], [1], [1 + 2 ** 32], [-1]].map(([seed, ...stream]) =>
      new Random(seed, ...stream).bits(),
    );
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  test('uniform stays in its range with mean and variance of the uniform distribution', () => {
    const random = new Random(11);
    const values = take(50000, () => random.uniform(-2, 4));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...values)).toBeLessThan(4);
    expect(Math.abs(mean(values) - 1)).toBeLessThan(0.04); // measured 1.6e-4
    expect(Math.abs(mean(values.map((value) => (value - 1) ** 2)) - 3)).toBeLessThan(0.06); // measured 0.021
  });

  test('normal has mean 0, variance 1, kurtosis 3 and the right tail', () => {
    const random = new Random(12);
    const values = take(100000, () => random.normal());
    expect(Math.abs(mean(values))).toBeLessThan(0.016); // measured 0.0025
    expect(Math.abs(mean(values.map((value) => value ** 2)) - 1)).toBeLessThan(0.023); // measured 3.5e-4
    expect(Math.abs(mean(values.map((value) => value ** 4)) - 3)).toBeLessThan(0.16); // measured 0.025
    expect(values.filter((value) => value > 1.959964).length / 100000).toBeCloseTo(0.025, 2); // measured 3e-4
  });

  test('integer gives every integer 0..n-1 equally often', () => {
    const random = new Random(13);
    const counts = new Array(7).fill(0);
    for (let i = 0; i < 70000; i++) counts[random.integer(7)]++;
    expect(chiSquared(counts)).toBeLessThan(23); // 6 degrees of freedom, p = 0.001
    expect(random.integer(1)).toBe(0);
  });

  test('shuffle works in place, keeps the members and moves each to every place equally often', () => {
    const random = new Random(14);
    const array = [0, 1, 2, 3];
    expect(random.shuffle(array)).toBe(array);
    expect([...array].sort()).toEqual([0, 1, 2, 3]);
    const places = new Array(16).fill(0);
    for (let i = 0; i < 16000; i++) random.shuffle([0, 1, 2, 3]).forEach((value, place) => places[value * 4 + place]++);
    expect(chiSquared(places)).toBeLessThan(38); // 15 degrees of freedom, p = 0.001
  });

  test('refuses a seed that is not an integer and an empty range of integers', () => {
    expect(() => new Random(0.5)).toThrow('Random: seed must be made of safe integers, got 0.5');
    expect(() => new Random(1, Number.NaN)).toThrow(RangeError);
    expect(() => new Random(1).integer(0)).toThrow('Random.integer: n must be an integer from 1 to 2^32, got 0');
  });
});
