import { type FaceTrack, fail } from '@lipsync/contracts';
import { TrackBuilder } from '../track/track-builder';
import type { LandmarkFileOptions } from './landmark-file';
import { landmarksFromMediapipe } from './mediapipe-landmarks';

type Point = readonly number[] | { x: number; y: number };

/**
 * MediaPipe's face meshes of a video: size of its frames, and for each the 468 or 478 points of one face (shares of the
 * frame) or null.
 */
export type MediapipeFile = { width: number; height: number; frames: (Point[] | null)[] };

/**
 * Reads MediaPipe's face meshes of a video, one face per frame, from a JSON file:
 * `{ "width": 1280, "height": 720, "frames": [[[x, y, z], …] or null, …] }`, one entry per frame from the first on. A
 * point may also be `{ "x", "y", "z" }`, as MediaPipe's own objects are written.
 *
 * @returns gap-free tracks with score 1, ids from 0; none where all entries are null.
 * @throws TypeError if the text is not JSON or has another form; RangeError if a value is not finite or a size not
 * above 0.
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { parseMediapipeFile } from '@lipsync/face-crop';
 * const [track] = parseMediapipeFile(await readFile('talk.mediapipe.json', 'utf8'));
 */
export function parseMediapipeFile(
  text: string,
  { maxGap = 10, minFrames = 1 }: LandmarkFileOptions = {},
): FaceTrack[] {
  const where = 'parseMediapipeFile';
  let file: MediapipeFile;
  try {
    file = JSON.parse(text) as MediapipeFile;
  } catch (error) {
    fail(TypeError, where, 'text', 'JSON', (error as Error).message);
  }
  const { width, height, frames } = file ?? {};
  for (const [name, size] of Object.entries({ width, height })) {
    if (!(typeof size === 'number' && size > 0)) fail(RangeError, where, name, 'a number of pixels above 0', size);
  }
  if (!Array.isArray(frames)) fail(TypeError, where, 'frames', 'a list', typeof frames);
  const builder = new TrackBuilder({ maxGap, minFrames });
  frames.forEach((mesh, frame) => {
    if (mesh === null) return;
    if (!Array.isArray(mesh) || (mesh.length !== 468 && mesh.length !== 478)) {
      fail(
        TypeError,
        where,
        `frames[${frame}]`,
        '468 or 478 points or null',
        Array.isArray(mesh) ? mesh.length : typeof mesh,
      );
    }
    const points = mesh.flatMap((point, index) => {
      const [x, y] = Array.isArray(point)
        ? (point as number[])
        : [(point as { x: number })?.x, (point as { y: number })?.y];
      if (!Number.isFinite(x) || !Number.isFinite(y))
        fail(RangeError, where, `frames[${frame}][${index}]`, 'a point of finite numbers', point);
      return [x, y];
    });
    builder.add(0, frame, landmarksFromMediapipe(points, { width, height }), 1);
  });
  return builder.finish();
}
