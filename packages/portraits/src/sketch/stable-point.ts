import { distance, type KeyPoints, pointCountOf } from './key-points';

/**
 * The point of a face that moves least against all others: that with the smallest sum, over the other points, of the
 * variance over time of the distance to them.
 *
 * Source: the thesis moves this point to the origin; for its speaker it was one of the nose. Equal to NumPy, see the test.
 *
 * @param keyPoints borrowed.
 * @returns its index; of equal ones the first.
 * @throws TypeError for another number of points; RangeError for values that are not finite.
 * @example
 * import { mostStablePoint } from '@lipsync/portraits';
 * const index = mostStablePoint({ points: new Float32Array(50 * 136), frameCount: 50 });
 */
export function mostStablePoint(keyPoints: KeyPoints): number {
  const count = pointCountOf('mostStablePoint', 'keyPoints', keyPoints);
  const { points, frameCount } = keyPoints;
  const sums = new Float64Array(count);
  const distances = new Float64Array(frameCount);
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      let mean = 0;
      for (let frame = 0; frame < frameCount; frame++) {
        distances[frame] = distance(points, frame * count * 2, [a, b]);
        mean += distances[frame] / frameCount;
      }
      const variance = distances.reduce((sum, value) => sum + (value - mean) ** 2, 0) / frameCount;
      sums[a] += variance;
      sums[b] += variance;
    }
  }
  return sums.indexOf(Math.min(...sums));
}
