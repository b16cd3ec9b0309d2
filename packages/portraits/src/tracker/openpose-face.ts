import { type FaceTrack, fail } from '@lipsync/contracts';
import { trackFromLandmarks } from '@lipsync/face-crop/arrays';
import { type FrameRun, joinFrames } from './join-frames';

/** Options of `parseOpenPoseFaces`. */
export type OpenPoseOptions = {
  /** Which of the people in a file, by their order there. Default: the one with the most confidence in the face. */
  person?: number;
  /** A frame in which a point of the 68 has less confidence counts as without a face, 0..1. Default 0.05. */
  minConfidence?: number;
  /** Longest gap, in frames, that is interpolated linearly; a longer one splits the track. Default 10. */
  maxGap?: number;
};

/** A face's 70 points through a video without gaps: iBUG's 68, then both pupils. */
export type KeyPointTrack = {
  /** Index of the first frame. */
  firstFrame: number;
  frameCount: number;
  /** `[frameCount, 70, 2]`, pixels, pixel centres at +0.5. */
  points: Float32Array;
  /** Frames that were interpolated. */
  interpolated: number;
};

/** Larger coordinates are no pixels of a video. */
const FARTHEST = 1e6;

/**
 * Reads the 70 points of a face from OpenPose's JSON files, one of each frame, written with the face detector on.
 *
 * OpenPose has pixel centres at whole numbers: half a pixel is added. A pupil that was not found is put between the lids.
 *
 * @param files texts of the files in the order of the frames; null where a frame has none.
 * @returns tracks in the order of their first frame; none where no frame has a face.
 * @throws TypeError for a text that is no JSON or has another form; RangeError for values that are no pixels (OpenPose's
 * keypoint scale must be 0); the message names the file by its number.
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { parseOpenPoseFaces } from '@lipsync/portraits';
 * const [track] = parseOpenPoseFaces([await readFile('talk_000000000000_keypoints.json', 'utf8')]);
 */
export function parseOpenPoseFaces(files: readonly (string | null)[], options: OpenPoseOptions = {}): KeyPointTrack[] {
  const where = 'parseOpenPoseFaces';
  const { person, minConfidence = 0.05, maxGap = 10 } = options;
  if (!(Number.isInteger(maxGap) && maxGap >= 0)) fail(RangeError, where, 'options.maxGap', 'a whole number', maxGap);
  const found = new Map<number, Float32Array>();
  let widest = 0;
  files.forEach((text, frame) => {
    if (text === null) return;
    const faces = facesOf(where, `file ${frame}`, text);
    const face = person === undefined ? surest(faces) : faces[person];
    if (!face) return;
    const points = pixelsOf(face, minConfidence);
    if (!points) return;
    found.set(frame, points);
    for (let i = 2; i < 136; i++) widest = Math.max(widest, Math.abs(points[i] - points[i % 2]));
  });
  if (found.size > 0 && widest < 2)
    fail(
      RangeError,
      where,
      'points',
      'pixels: OpenPose’s keypoint scale 0',
      `faces of at most ${widest.toPrecision(2)} pixels`,
    );
  return joinFrames(found, maxGap).map(({ data, ...run }: FrameRun) => ({ ...run, points: data }));
}

/**
 * A face track of the 68 landmarks among 70 key points.
 *
 * @param track borrowed.
 * @throws TypeError for another number of points.
 * @example
 * import { landmarksOfKeyPoints, type KeyPointTrack, trackPortrait } from '@lipsync/portraits';
 * declare const track: KeyPointTrack;
 * const { faces } = trackPortrait(landmarksOfKeyPoints(track), { image: { width: 640, height: 480 } });
 */
export function landmarksOfKeyPoints({ points, frameCount, firstFrame, interpolated }: KeyPointTrack): FaceTrack {
  if (points?.length !== frameCount * 140)
    fail(TypeError, 'landmarksOfKeyPoints', 'track.points', `[${frameCount}, 70, 2]`, `${points?.length} values`);
  const kept = points.filter((_, i) => i % 140 < 136);
  return { ...trackFromLandmarks(kept, { firstFrame }), interpolated };
}

/** The faces of a file: 210 numbers each, x, y and confidence of 70 points. */
function facesOf(where: string, file: string, text: string): number[][] {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    fail(TypeError, where, file, 'JSON', (error as Error).message);
  }
  const people = (read as { people?: unknown } | null)?.people;
  if (!Array.isArray(people)) fail(TypeError, where, file, 'an object with a list "people"', typeof people);
  const faces: number[][] = [];
  people.forEach((person: { face_keypoints_2d?: unknown } | null, i) => {
    const name = `${file}, people[${i}].face_keypoints_2d`;
    const face = person?.face_keypoints_2d;
    if (!Array.isArray(face)) fail(TypeError, where, name, 'a list (OpenPose’s face detector must be on)', typeof face);
    if (face.length === 0) return;
    if (face.length !== 210) fail(TypeError, where, name, '70 points of x, y, confidence: 210 numbers', face.length);
    const bad = face.findIndex((value) => !(typeof value === 'number' && Math.abs(value) <= FARTHEST));
    if (bad >= 0) fail(RangeError, where, `${name}[${bad}]`, 'a number of pixels', face[bad]);
    faces.push(face as number[]);
  });
  return faces;
}

/** The face with the most confidence; of two the first. */
function surest(faces: readonly number[][]): number[] | undefined {
  const confidence = (face: number[]) => face.reduce((sum, value, i) => (i % 3 === 2 ? sum + value : sum), 0);
  return faces.reduce<number[] | undefined>(
    (best, face) => (best && confidence(best) >= confidence(face) ? best : face),
    undefined,
  );
}

/** x and y of the points; undefined where one of the 68 was not found. */
function pixelsOf(face: readonly number[], minConfidence: number): Float32Array | undefined {
  for (let i = 0; i < 68; i++) if (!(face[3 * i + 2] >= minConfidence)) return undefined;
  const points = Float32Array.from({ length: 140 }, (_, i) => face[3 * (i >> 1) + (i % 2)] + 0.5);
  for (const [pupil, lids] of [
    [68, [37, 38, 40, 41]],
    [69, [43, 44, 46, 47]],
  ] as const) {
    if (face[3 * pupil + 2] >= minConfidence) continue;
    for (const axis of [0, 1])
      points[2 * pupil + axis] = lids.reduce((sum, lid) => sum + points[2 * lid + axis] / lids.length, 0);
  }
  return points;
}
