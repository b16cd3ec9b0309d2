import { fail } from '@lipsync/contracts';
import { FACE_POINTS } from '../edge-map/face-lines';
import { type FrameValues, frameSizeOf } from './gaussian-filter';

/** Pairs of points one above the other, from left to right. */
const UPPER_INNER = [63, 62, 61];
const LOWER_INNER = [58, 59, 60];
const UPPER_OUTER = [47, 48, 49, 50, 51];
const LOWER_OUTER = [53, 54, 55, 56, 57];

/** Options of `closeLips`. */
export type CloseLipsOptions = {
  /**
   * How far the outer lips move in a frame: half of the mean gap of this frame, or, as in the published code, of all
   * frames whose lips cross, so that no frame can be made before the last one is known. Default `frame`.
   */
  outer?: 'frame' | 'all frames';
};

/**
 * Mends lips that cross: where all three points of the lower inner lip lie above those of the upper one, both are moved
 * by half of the gap, so that they touch; the outer lips follow by the mean.
 *
 * Source: the published code, with `outer: 'all frames'`; equal to NumPy to the rounding of float32, see the test.
 *
 * @param faces borrowed; `[frameCount, 73, 3]` with y upwards.
 * @returns a new array.
 * @throws TypeError for another number of points.
 * @example
 * import { closeLips } from '@lipsync/portraits';
 * const faces = closeLips({ data: new Float32Array(30 * 73 * 3), frameCount: 30 });
 */
export function closeLips(faces: FrameValues, { outer = 'frame' }: CloseLipsOptions = {}): Float32Array {
  const where = 'closeLips';
  assertFaces(where, faces);
  const out = faces.data.slice();
  const crossed: { at: number; half: number[] }[] = [];
  for (let frame = 0; frame < faces.frameCount; frame++) {
    const at = frame * FACE_POINTS * 3;
    const half = UPPER_INNER.map((upper, i) => (out[at + 3 * LOWER_INNER[i] + 1] - out[at + 3 * upper + 1]) / 2);
    if (half.every((gap) => gap > 0)) crossed.push({ at, half });
  }
  const mean = meanOf(crossed.flatMap(({ half }) => half));
  for (const { at, half } of crossed) {
    const shift = outer === 'frame' ? meanOf(half) : mean;
    half.forEach((gap, i) => {
      out[at + 3 * UPPER_INNER[i] + 1] += gap;
      out[at + 3 * LOWER_INNER[i] + 1] -= gap;
    });
    for (const point of UPPER_OUTER) out[at + 3 * point + 1] += shift;
    for (const point of LOWER_OUTER) out[at + 3 * point + 1] -= shift;
  }
  return out;
}

/** Refuses what is not `[frameCount, 73, 3]`. */
export function assertFaces(where: string, faces: FrameValues): void {
  const size = frameSizeOf(where, faces);
  if (size !== 3 * FACE_POINTS)
    fail(TypeError, where, 'data', `[${faces.frameCount}, 73, 3], 219 values a frame`, `${size} a frame`);
}

const meanOf = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
