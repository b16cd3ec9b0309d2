import { numbers } from './torch-numbers';

/** Sequences that `reference/portraits-geometry.py` makes. */
export const madeFaces = (name: string, frameCount: number, low = -1, high = 1) => ({
  data: numbers(name, [frameCount, 73, 3], low, high),
  frameCount,
});

export const madePoses = (name: string, frameCount: number, width: number, bound: number) => ({
  data: numbers(name, [frameCount, width], -bound, bound),
  frameCount,
});

/** An image from the lengths of its runs of black and white pixels. */
export function imageOfRuns(runs: readonly number[]): Uint8Array {
  const image = new Uint8Array(runs.reduce((sum, length) => sum + length, 0));
  let at = 0;
  runs.forEach((length, i) => {
    image.fill(i % 2 === 0 ? 0 : 255, at, at + length);
    at += length;
  });
  return image;
}

/** How many bytes differ. */
export const differences = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((sum, value, i) => sum + Number(value !== b[i]), 0);
