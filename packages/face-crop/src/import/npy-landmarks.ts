import { decodeNpy, type NamedArray } from '@lipsync/checkpoints';
import { type FaceTrack, fail } from '@lipsync/contracts';
import { TrackBuilder } from '../track/track-builder';
import type { LandmarkFileOptions } from './landmark-file';

export type NpyLandmarkOptions = LandmarkFileOptions & {
  /**
   * Coordinate of the first pixel's centre: 0 in dlib, face-alignment and OpenCV; 0.5 in this package. Default 0: half
   * a pixel is added.
   */
  pixelCentre?: 0 | 0.5;
};

/** Landmarks that span fewer pixels than this must be shares of the frame. */
const SMALLEST_FACE = 2;

/**
 * Reads the landmarks of one face from npy files: one of `[frames, 68, 2]` or `[frames, 136]` for a video, or a list
 * with one of `[68, 2]` or `[136]` per frame. Points are x, y in pixels of the upright frame, iBUG order.
 *
 * A frame without a face is all NaN, or all 0 (whole numbers have no NaN), or null in a list.
 *
 * @param files bytes of npy files; values may be floats of 32 or 64 bits or whole numbers of any size.
 * @returns gap-free tracks with score 1, ids from 0; none where no frame has a face.
 * @throws Error if a file is no npy file; TypeError for another shape or type; RangeError if some but not all points of
 * a frame are not finite, or if all faces are smaller than 2 pixels (shares of the frame, 0..1).
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { parseNpyLandmarks } from '@lipsync/face-crop';
 * const [track] = parseNpyLandmarks(await readFile('talk.npy'));
 */
export function parseNpyLandmarks(
  files: Uint8Array | readonly (Uint8Array | null)[],
  options: NpyLandmarkOptions = {},
): FaceTrack[] {
  const where = 'parseNpyLandmarks';
  const { pixelCentre = 0, maxGap = 10, minFrames = 1 } = options;
  if (pixelCentre !== 0 && pixelCentre !== 0.5) fail(RangeError, where, 'pixelCentre', '0 or 0.5', pixelCentre);
  const frames =
    files instanceof Uint8Array
      ? framesOf(where, decodeNpy(files))
      : files.map((file, frame) => file && onlyFrameOf(where, frame, file));
  const builder = new TrackBuilder({ maxGap, minFrames });
  let [faces, largest] = [0, 0];
  frames.forEach((points, frame) => {
    if (!points || points.every(Number.isNaN) || points.every((value) => value === 0)) return;
    const bad = points.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      fail(
        RangeError,
        where,
        `frame ${frame}`,
        'finite, or all NaN where there is no face',
        `${points[bad]} at point ${bad >> 1}`,
      );
    builder.add(
      0,
      frame,
      Float32Array.from(points, (value) => value + 0.5 - pixelCentre),
      1,
    );
    faces++;
    largest = Math.max(largest, span(points, 0), span(points, 1));
  });
  if (faces > 0 && largest < SMALLEST_FACE)
    fail(
      RangeError,
      where,
      'points',
      'pixels, not shares of the frame',
      `faces of at most ${largest.toPrecision(3)} pixels`,
    );
  return builder.finish();
}

/** The frames of an array, 136 values each. */
function framesOf(where: string, array: NamedArray): Float64Array[] {
  const { shape, dtype } = array;
  const sides = shape.join(' ');
  const good = /^(?:\d+ )?(?:68 2|136)$/.test(sides);
  if (!good)
    fail(
      TypeError,
      where,
      'array',
      '[frames, 68, 2], [frames, 136] or one frame of [68, 2] or [136]',
      `[${shape.join(', ')}]`,
    );
  if (dtype === 'float16' || dtype === 'bfloat16' || dtype === 'bool')
    fail(TypeError, where, 'array', 'of float32, float64 or whole numbers', dtype);
  const values = Float64Array.from(array.data as ArrayLike<number>, Number);
  return Array.from({ length: values.length / 136 }, (_, frame) => values.subarray(frame * 136, (frame + 1) * 136));
}

function onlyFrameOf(where: string, index: number, file: Uint8Array): Float64Array {
  const frames = framesOf(where, decodeNpy(file));
  if (frames.length !== 1)
    fail(TypeError, where, `file ${index}`, 'the landmarks of one frame', `${frames.length} frames`);
  return frames[0];
}

/** Extent of the points along x (0) or y (1). */
function span(points: Float64Array, axis: number): number {
  let [low, high] = [Infinity, -Infinity];
  for (let i = axis; i < points.length; i += 2) {
    low = Math.min(low, points[i]);
    high = Math.max(high, points[i]);
  }
  return high - low;
}
