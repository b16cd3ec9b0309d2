import { describe, expect, test } from 'vitest';
import { cosineSchedule } from './cosine-schedule';

describe('cosineSchedule', () => {
  test('rises linearly, reaches the base, is half way in the middle and ends at the floor', () => {
    const rate = cosineSchedule({ base: 1, warmupSteps: 10, totalSteps: 110, floor: 0.1 });
    expect(rate(0)).toBeCloseTo(0.1, 12); // equal here
    expect(rate(4)).toBeCloseTo(0.5, 12); // equal here
    expect(rate(9)).toBe(1);
    expect(rate(10)).toBe(1);
    expect(rate(60)).toBeCloseTo(0.55, 12); // equal here
    expect(rate(110)).toBeCloseTo(0.1, 12); // equal here
    expect(rate(1000)).toBeCloseTo(0.1, 12); // equal here
  });

  test('starts at the base without a warm-up and never rises again', () => {
    const rate = cosineSchedule({ base: 0.01, totalSteps: 50 });
    const rates = Array.from({ length: 51 }, (_, step) => rate(step));
    expect(rates[0]).toBe(0.01);
    expect(rates[50]).toBe(0);
    for (let step = 1; step <= 50; step++) expect(rates[step]).toBeLessThan(rates[step - 1]);
  });

  test('refuses a warm-up as long as the schedule', () => {
    expect(() => cosineSchedule({ base: 1, warmupSteps: 5, totalSteps: 5 })).toThrow(
      'cosineSchedule: warmupSteps must be at least 0 and below totalSteps (5), got 5',
    );
    expect(() => cosineSchedule({ base: 1, totalSteps: 0 })).toThrow(/totalSteps/);
  });
});
