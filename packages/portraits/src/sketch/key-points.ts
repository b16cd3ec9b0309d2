import { fail } from '@lipsync/contracts';

/** Key points of one face over time: iBUG's 68, or OpenPose's 70 with both pupils. */
export type KeyPoints = {
  /** `[frameCount, 68 or 70, 2]`, x and y. */
  points: Float32Array;
  frameCount: number;
};

/** How many points a frame has; refuses what is no sequence of 68 or 70 finite points. */
export function pointCountOf(where: string, name: string, { points, frameCount }: KeyPoints): number {
  if (!(Number.isInteger(frameCount) && frameCount > 0))
    fail(RangeError, where, `${name}.frameCount`, 'a whole number above 0', frameCount);
  const count = points?.length / frameCount / 2;
  if (!(points instanceof Float32Array && (count === 68 || count === 70)))
    fail(TypeError, where, `${name}.points`, `[${frameCount}, 68 or 70, 2]`, `${points?.length} values`);
  const bad = points.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    fail(RangeError, where, `${name}.points`, 'finite', `${points[bad]} in frame ${Math.floor(bad / count / 2)}`);
  return count;
}

/** Distance between two points of one frame, whose values start at `at`. */
export function distance(points: ArrayLike<number>, at: number, [a, b]: readonly [number, number]): number {
  return Math.hypot(points[at + 2 * a] - points[at + 2 * b], points[at + 2 * a + 1] - points[at + 2 * b + 1]);
}
