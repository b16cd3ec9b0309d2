import { type FaceTrack, fail } from '@lipsync/contracts';

/** Refuses a track without frames, or whose points are not `frames` times 68 finite pairs. */
export function assertFaceTrack(where: string, track: FaceTrack): void {
  if (!(Number.isInteger(track?.frameCount) && track.frameCount > 0)) {
    fail(RangeError, where, 'track.frameCount', 'a whole number above 0', track?.frameCount);
  }
  assertPoints(where, 'track.points', track.points, track.frameCount);
}

/**
 * A track from landmarks of another source.
 *
 * @param points `[frames, 68, 2]`, pixels with pixel centres at +0.5, iBUG order; kept, not copied.
 * @param options.firstFrame index of the first frame. Default 0.
 * @returns a track with score 1 and no interpolated frame.
 * @throws TypeError if the length is no multiple of 136 or 0; RangeError if a value is not finite.
 * @example
 * import { planCrops, trackFromLandmarks } from '@lipsync/face-crop';
 * const plan = planCrops(trackFromLandmarks(points), recipe.crop);
 */
export function trackFromLandmarks(points: Float32Array, { firstFrame = 0, id = 0 } = {}): FaceTrack {
  const where = 'trackFromLandmarks';
  if (!(points instanceof Float32Array) || points.length === 0 || points.length % 136 !== 0) {
    fail(TypeError, where, 'points', 'a Float32Array of frames · 136 values', points?.length);
  }
  const frameCount = points.length / 136;
  assertPoints(where, 'points', points, frameCount);
  return { id, firstFrame, frameCount, points, score: 1, interpolated: 0 };
}

function assertPoints(where: string, name: string, points: Float32Array, frameCount: number): void {
  if (!(points instanceof Float32Array) || points.length !== frameCount * 136) {
    fail(TypeError, where, name, `a Float32Array of frames · 136 = ${frameCount * 136} values`, points?.length);
  }
  const bad = points.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail(RangeError, where, name, 'finite', `${points[bad]} in frame ${Math.floor(bad / 136)}`);
}
