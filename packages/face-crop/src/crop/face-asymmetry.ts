import { assertLandmarks68, type Landmarks68 } from '@lipsync/contracts';

/**
 * Points of both halves that stand at the same distance from the nose in a frontal face: jaw, outer eye corners, mouth
 * corners.
 */
const PAIRS = [
  [0, 16],
  [36, 45],
  [48, 54],
] as const;

/**
 * The asymmetry of a face: 0 seen from the front, towards 1 seen from the side.
 *
 * Along the line through the outer eye corners, with l and r the distances of a left and a right point from the nose's
 * ridge (mean of points 27 to 30): the mean over three pairs of `|l - r| / (|l| + |r|)`.
 *
 * Source: ours. The thesis keeps faces with an asymmetry of at most 17 % and does not define it.
 *
 * @returns a number from 0 to 1.
 * @throws TypeError or RangeError for what is not 68 finite points.
 * @example
 * import { faceAsymmetry } from '@lipsync/face-crop';
 * const frontal = faceAsymmetry(points) <= 0.17;
 */
export function faceAsymmetry(points: Landmarks68): number {
  assertLandmarks68('faceAsymmetry', points);
  const across = [points[90] - points[72], points[91] - points[73]];
  const length = Math.hypot(across[0], across[1]) || 1;
  const along = (x: number, y: number) => (x * across[0] + y * across[1]) / length;
  let ridge = 0;
  for (let i = 27; i <= 30; i++) ridge += along(points[2 * i], points[2 * i + 1]) / 4;
  let sum = 0;
  for (const [left, right] of PAIRS) {
    const l = Math.abs(along(points[2 * left], points[2 * left + 1]) - ridge);
    const r = Math.abs(along(points[2 * right], points[2 * right + 1]) - ridge);
    sum += l + r > 0 ? Math.abs(l - r) / (l + r) : 0;
  }
  return sum / PAIRS.length;
}
