import { describe, expect, test } from 'vitest';
import { articulation, mouthOpening } from './articulation';
import { person } from './person';
import { voice } from './voice';

/** Pearson's correlation. */
function correlation(a: number[], b: number[]): number {
  const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += (value - ma) * (b[i] - mb);
    aa += (value - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

const loudness = (samples: Float32Array, frame: number) =>
  Math.log(
    1e-3 +
      Math.sqrt(samples.subarray(frame * 640, frame * 640 + 640).reduce((sum, value) => sum + value * value, 0) / 640),
  );

describe('voice', () => {
  test('loudness follows the opening best at lag 0, for each of 12 clips', () => {
    for (let seed = 0; seed < 12; seed++) {
      const track = articulation(seed, 4);
      const { samples } = voice(person(seed), track, { seed });
      const frames = Array.from({ length: 80 }, (_, k) => k + 10);
      const open = frames.map((frame) => mouthOpening(track.at((frame + 0.5) / 25)));
      const lags = Array.from({ length: 21 }, (_, i) =>
        correlation(
          open,
          frames.map((frame) => loudness(samples, frame + i - 10)),
        ),
      );
      expect(lags.indexOf(Math.max(...lags)) - 10, `lag of seed ${seed}`).toBe(0);
      expect(lags[10]).toBeGreaterThan(0.45);
    }
  });

  test('the same seeds give the same samples; other people sound different', () => {
    const track = articulation(1, 2);
    const { samples, sampleRate } = voice(person(1), track, { seed: 3 });
    expect(sampleRate).toBe(16_000);
    expect(samples).toHaveLength(32_000);
    expect(samples).toEqual(voice(person(1), track, { seed: 3 }).samples);
    expect(samples).not.toEqual(voice(person(2), track, { seed: 3 }).samples);
  });

  test('audio is finite and below full scale', () => {
    for (let seed = 0; seed < 6; seed++) {
      const { samples } = voice(person(seed), articulation(seed, 2), { seed });
      const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(peak).toBeLessThan(1);
      expect(peak).toBeGreaterThan(0.05); // measured 0.43
    }
  });

  test('a later start is the same speech, shifted', () => {
    const track = articulation(2, 4);
    const late = voice(person(3), track, { seed: 1, startSec: 0.4, durationSec: 3 });
    const all = voice(person(3), track, { seed: 1 });
    const a = Array.from({ length: 70 }, (_, k) => loudness(late.samples, k));
    const b = Array.from({ length: 70 }, (_, k) => loudness(all.samples, k + 10));
    expect(correlation(a, b)).toBeGreaterThan(0.9);
  });

  test('a rate below 16 kHz and an empty length are refused by name', () => {
    const track = articulation(1, 1);
    expect(() => voice(person(1), track, { seed: 1, sampleRate: 8000 })).toThrow(
      /options\.sampleRate must be at least 16000/,
    );
    expect(() => voice(person(1), track, { seed: 1, startSec: 1 })).toThrow(
      /options\.durationSec must be above 0, got 0/,
    );
  });
});
