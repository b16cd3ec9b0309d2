import { describe, expect, test } from 'vitest';
import { noise } from '../../../avalignnet/src/testing/hashed-numbers';
import { balancedAccuracy, bestThreshold, rocAuc } from './accuracy';

describe('balancedAccuracy', () => {
  test('counts a score at the threshold as off, and the classes alike', () => {
    expect(balancedAccuracy({ inSync: [0.9, 0.5, 0.6, 0.7], offSync: [0.5] })).toEqual({
      balanced: 0.875,
      inSync: 0.75,
      offSync: 1,
    });
    expect(balancedAccuracy({ inSync: [0.9], offSync: [0.5] }, 0.4)).toEqual({ balanced: 0.5, inSync: 1, offSync: 0 });
  });

  test('refuses an empty class and NaN', () => {
    expect(() => balancedAccuracy({ inSync: [], offSync: [1] })).toThrow(
      'balancedAccuracy: inSync must be at least one score, got none',
    );
    expect(() => balancedAccuracy({ inSync: [1], offSync: [0, NaN] })).toThrow('offSync must be numbers, got NaN');
  });
});

describe('rocAuc', () => {
  test('is the share of pairs of pairs in the right order, ties half', () => {
    const inSync = Array.from(noise(1, 60), (value) => Math.round(value * 5) + 1);
    const offSync = Array.from(noise(2, 41), (value) => Math.round(value * 5));
    let wins = 0;
    for (const a of inSync) for (const b of offSync) wins += a > b ? 1 : a === b ? 0.5 : 0;
    expect(rocAuc({ inSync, offSync })).toBeCloseTo(wins / (60 * 41), 14); // measured 0
  });

  test('is 1 where the classes part, 0.5 where all scores are equal, and turns over with them', () => {
    expect(rocAuc({ inSync: [0.6, 0.9], offSync: [0.1, 0.5] })).toBe(1);
    expect(rocAuc({ inSync: [0.5, 0.5], offSync: [0.5] })).toBe(0.5);
    const [inSync, offSync] = [noise(3, 20), noise(4, 30)];
    expect(rocAuc({ inSync, offSync }) + rocAuc({ inSync: offSync, offSync: inSync })).toBeCloseTo(1, 14); // measured 0
  });

  test('refuses an empty class', () => {
    expect(() => rocAuc({ inSync: [1], offSync: [] })).toThrow(RangeError);
  });
});

describe('bestThreshold', () => {
  test('is at least as good as every other threshold', () => {
    const scores = { inSync: noise(5, 40).map((value) => value + 0.4), offSync: noise(6, 50) };
    const best = bestThreshold(scores);
    for (let threshold = -1.1; threshold < 1.5; threshold += 0.01) {
      // one step of float64 between two ways of counting
      expect(best.balanced).toBeGreaterThanOrEqual(balancedAccuracy(scores, threshold).balanced - 1e-12);
    }
    expect(balancedAccuracy(scores, best.threshold).balanced).toBeCloseTo(best.balanced, 14); // measured 0
  });

  test('stands half-way between two scores', () => {
    const { threshold, balanced } = bestThreshold({ inSync: [0.4, 0.6], offSync: [0.1, 0.2] });
    expect(threshold).toBeCloseTo(0.3, 14); // measured 5.6e-17
    expect(balanced).toBe(1);
  });

  test('takes all for in sync where nothing is better', () => {
    expect(bestThreshold({ inSync: [0.1], offSync: [0.9] })).toMatchObject({ balanced: 0.5, inSync: 1, offSync: 0 });
  });
});
