import { median } from '@lipsync/nn';

/** Smallest, median and largest of some values, and how many lie in each of 20 equally wide bins from `low` to `high`. */
export type Spread = { least: number; median: number; greatest: number; low: number; high: number; bins: number[] };

const BINS = 20;

/** Counts values into 20 bins from `low` to `high`; values outside go into the outermost. */
export function spreadOf(values: number[], low: number, high: number): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const bins = new Array<number>(BINS).fill(0);
  for (const value of values) {
    bins[Math.min(BINS - 1, Math.max(0, Math.floor(((value - low) / (high - low || 1)) * BINS)))]++;
  }
  return { least: sorted[0], median: median(values), greatest: sorted[sorted.length - 1], low, high, bins };
}

/** The largest value; 0 of none. */
export const greatest = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0);
