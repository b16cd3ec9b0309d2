import { describe, expect, test } from 'vitest';
import { articulation, mouthOpening } from './articulation';

describe('articulation', () => {
  test('the same seed gives the same track, another seed another', () => {
    const line = (seed: number) => Array.from({ length: 50 }, (_, i) => articulation(seed, 3).at(i * 0.06));
    expect(line(5)).toEqual(line(5));
    expect(line(5)).not.toEqual(line(6));
  });

  test('it speaks 4 to 6 syllables a second between pauses', () => {
    for (const seed of [1, 2, 3]) {
      const { phones } = articulation(seed, 60);
      const seconds = phones
        .filter(({ name }) => name !== '#')
        .reduce((sum, { startSec, endSec }) => sum + endSec - startSec, 0);
      const vowels = phones.filter(({ name }) => 'aæeiouə'.includes(name)).length;
      expect(vowels / seconds).toBeGreaterThan(4);
      expect(vowels / seconds).toBeLessThan(6);
    }
  });

  test('p, b and m shut the lips and open vowels open them', () => {
    const track = articulation(4, 60);
    const middle = (name: string) =>
      track.phones
        .filter((phone) => phone.name === name)
        .map(({ startSec, endSec }) => track.at((startSec + endSec) / 2));
    for (const mouth of ['p', 'b', 'm'].flatMap(middle)) {
      expect(mouth.closure).toBeCloseTo(1, 12); // measured 0
      expect(mouthOpening(mouth)).toBeCloseTo(0, 12); // measured 0
    }
    const open = middle('a').map(mouthOpening);
    expect(Math.min(...open)).toBeGreaterThan(0.5);
    expect(Math.max(...open)).toBeLessThanOrEqual(1.1);
  });

  test('nothing jumps: a millisecond moves no channel by more than 0.15', () => {
    const track = articulation(9, 10);
    for (let i = 0; i < 9999; i++) {
      const a = track.at(i / 1000);
      const b = track.at((i + 1) / 1000);
      expect(Math.abs(mouthOpening(a) - mouthOpening(b))).toBeLessThan(0.15);
      expect(Math.abs(a.voicing - b.voicing)).toBeLessThan(0.15);
    }
  });

  test('a length of 0 is refused by name', () => {
    expect(() => articulation(1, 0)).toThrow(/^articulation: durationSec must be above 0, got 0$/);
  });
});
