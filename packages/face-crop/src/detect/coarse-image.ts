import type { VideoFrame } from '@lipsync/contracts';
import type { Square } from '../crop/sample-square';

/** Cells along each side of a coarse image. */
const CELLS = 16;

/** Samples along each side of a cell. */
const SAMPLES = 3;

/**
 * A frame reduced to 16 x 16 cells of green (most of the luminance), to detect cuts.
 *
 * @returns float32 `[16 * 16]`, 0..255.
 * @example
 * const cut = imageSimilarity(coarseImage(previous), coarseImage(frame)) < 0.75;
 */
export function coarseImage(frame: VideoFrame): Float32Array {
  const { width, height } = frame;
  return coarse(frame, width / 2, height / 2, [width, 0, 0, height]);
}

/**
 * The same for a rotated square of a frame, to detect that it shows another face; outside the frame its border is
 * repeated.
 */
export function coarseSquare(frame: VideoFrame, { x, y, side, angle }: Square): Float32Array {
  const [cos, sin] = [Math.cos(angle) * side, Math.sin(angle) * side];
  return coarse(frame, x, y, [cos, -sin, sin, cos]);
}

/** Samples the parallelogram `(x, y) + matrix · (u, v)` with u and v from -0.5 to 0.5. */
function coarse(
  { data, width, height }: VideoFrame,
  x: number,
  y: number,
  [a, b, c, d]: readonly number[],
): Float32Array {
  const cells = new Float32Array(CELLS * CELLS);
  const count = CELLS * SAMPLES;
  for (let i = 0; i < count; i++) {
    const v = (i + 0.5) / count - 0.5;
    const cellRow = Math.floor(i / SAMPLES) * CELLS;
    for (let j = 0; j < count; j++) {
      const u = (j + 0.5) / count - 0.5;
      const column = Math.min(width - 1, Math.max(0, Math.floor(x + a * u + b * v)));
      const row = Math.min(height - 1, Math.max(0, Math.floor(y + c * u + d * v)));
      cells[cellRow + Math.floor(j / SAMPLES)] += data[(row * width + column) * 3 + 1] / SAMPLES ** 2;
    }
  }
  return cells;
}

/**
 * Correlation of two coarse images, -1..1: 1 where they show the same at any brightness; 0 where one of them is plain.
 *
 * @returns 1 for two plain images.
 */
export function imageSimilarity(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - meanA) * (b[i] - meanB);
    aa += (a[i] - meanA) ** 2;
    bb += (b[i] - meanB) ** 2;
  }
  // less than half a grey level of structure is noise
  const plain = 0.25 * a.length;
  if (aa < plain || bb < plain) return aa < plain && bb < plain ? 1 : 0;
  return ab / Math.sqrt(aa * bb);
}
