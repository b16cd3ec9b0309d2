import { Random } from '@lipsync/nn';

const SIZE = 1 << 16;
let table: Float32Array | undefined;

/**
 * 65536 standard normal values, always the same: drawing 70,000 per window would take longer than all the rest.
 *
 * @returns float32, shared: do not change it.
 * @example
 * const noise = noiseTable();
 * const value = noise[(start + i) & NOISE_MASK]; // with a random start
 */
export function noiseTable(): Float32Array {
  if (!table) {
    const random = new Random(20240229);
    table = Float32Array.from({ length: SIZE }, () => random.normal());
  }
  return table;
}

/** Brings an index into `noiseTable`. */
export const NOISE_MASK = SIZE - 1;
