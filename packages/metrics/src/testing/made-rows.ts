import { Random } from '@lipsync/nn';

export type MadeRowsOptions = {
  seed?: number;
  dimension?: number;
  /** Length of the noise beside a signal of length 1. Default 1. */
  noise?: number;
  /** Length of the rows. Default 1. */
  scale?: number;
};

/** Random rows, each like its neighbours as windows of ten frames are: means over ten steps of a random walk of features. */
export function madeSignal(count: number, { seed = 1, dimension = 24 }: MadeRowsOptions = {}): Float32Array[] {
  const random = new Random(seed);
  const steps = Array.from({ length: count + 10 }, () =>
    Float32Array.from({ length: dimension }, () => random.normal()),
  );
  return Array.from({ length: count }, (_, i) =>
    Float32Array.from({ length: dimension }, (_, d) => {
      let sum = 0;
      for (let j = i; j < i + 10; j++) sum += steps[j][d];
      return sum / Math.sqrt(10 * dimension);
    }),
  );
}

/** A signal with noise that is like its neighbours, too, and what all rows have in common; rows of one length. */
export function madeRows(signal: readonly Float32Array[], options: MadeRowsOptions = {}): Float32Array {
  const { noise = 1, scale = 1 } = options;
  const dimension = signal[0].length;
  const beside = madeSignal(signal.length, { ...options, dimension });
  const rows = signal.map((row, i) => row.map((value, d) => value + noise * beside[i][d] + (d === 0 ? 2 : 0)));
  return Float32Array.from(
    rows.flatMap((row) => {
      const length = Math.hypot(...row) / scale;
      return [...row].map((value) => value / length);
    }),
  );
}

/** Rows of frames and of audio that leads by `early` frames: row i of the audio belongs to row i + early of the frames. */
export function madePair(
  windows: number,
  early: number,
  options: MadeRowsOptions = {},
): { visual: Float32Array; audio: Float32Array } {
  const { seed = 1 } = options;
  const margin = 100;
  const signal = madeSignal(windows + 2 * margin, { ...options, seed });
  return {
    visual: madeRows(signal.slice(margin, margin + windows), { ...options, seed: seed + 1000 }),
    audio: madeRows(signal.slice(margin + early, margin + early + windows), { ...options, seed: seed + 2000 }),
  };
}
