import { type FaceTrack, fail } from '@lipsync/contracts';
import { TrackBuilder } from '../track/track-builder';

/** The content of a landmark file: 136 values per frame, or null where there is no face. */
export type LandmarkFile = { scheme: 'ibug68'; frames: (number[] | null)[] };

/** How gaps in a landmark file are treated. */
export type LandmarkFileOptions = {
  /** Longest run of nulls that is interpolated linearly; a longer one splits the track. Default 10. */
  maxGap?: number;
  /** Shorter tracks are dropped, in frames. Default 1. */
  minFrames?: number;
};

/**
 * Reads the landmarks of one face from a JSON file: `{ "scheme": "ibug68", "frames": [[x0, y0, …] or null, …] }`,
 * pixels of the upright frame with pixel centres at +0.5, one entry per frame from the first on.
 *
 * @returns gap-free tracks with score 1, ids from 0; none where all entries are null.
 * @throws TypeError if the text is not JSON or has another form; RangeError if a value is not finite.
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { parseLandmarkFile } from '@lipsync/face-crop';
 * const [track] = parseLandmarkFile(await readFile('talk.landmarks.json', 'utf8'));
 */
export function parseLandmarkFile(text: string, { maxGap = 10, minFrames = 1 }: LandmarkFileOptions = {}): FaceTrack[] {
  const where = 'parseLandmarkFile';
  let file: LandmarkFile;
  try {
    file = JSON.parse(text) as LandmarkFile;
  } catch (error) {
    fail(TypeError, where, 'text', 'JSON', (error as Error).message);
  }
  if (file?.scheme !== 'ibug68') fail(TypeError, where, 'scheme', '"ibug68"', file?.scheme);
  if (!Array.isArray(file.frames)) fail(TypeError, where, 'frames', 'a list', typeof file.frames);
  const builder = new TrackBuilder({ maxGap, minFrames });
  file.frames.forEach((points, frame) => {
    if (points === null) return;
    if (!Array.isArray(points) || points.length !== 136) {
      fail(
        TypeError,
        where,
        `frames[${frame}]`,
        '136 values or null',
        Array.isArray(points) ? points.length : typeof points,
      );
    }
    const bad = points.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) fail(RangeError, where, `frames[${frame}]`, 'finite', points[bad]);
    builder.add(0, frame, Float32Array.from(points), 1);
  });
  return builder.finish();
}
