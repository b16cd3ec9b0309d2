import { fail } from '@lipsync/contracts';
import type { Camera } from '../post-processing/camera';
import { solve } from './fit-similarity';
import { type FrameRun, joinFrames } from './join-frames';
import { type FacePoints, fitPerson } from './person-shape';
import { liftFaces, meanFace, type PortraitTrack, poseOf, smoothPoses } from './portrait-track';

/** Options of `parseOpenFace3d`. */
export type OpenFace3dOptions = {
  /** The camera that OpenFace assumed, pixel centres at +0.5. Default: found from the points in 2D, `x_0` to `y_67`. */
  camera?: Camera;
  /** `face_id` of the face, where the table has several. Default: the first row's. */
  face?: number;
  /** Rows whose `confidence` is below this count as no face, 0..1. Default 0. */
  minConfidence?: number;
  /** Longest gap, in frames, that is interpolated linearly; a longer one splits the track. Default 10. */
  maxGap?: number;
  /** Standard deviation of the smoothing of poses over time, in frames. Default 1. */
  poseSigma?: number;
};

/**
 * Reads a face in 3D from OpenFace's table: the 68 points before the camera, `X_0` … `Z_67` in mm.
 *
 * Columns are found by their names. The head's pose is that of a generic face, bent to the person, which is laid over the
 * points of nose and eyes; OpenFace's own angles, whose convention differs, are not used. Rows with `success` 0 count as
 * no face.
 *
 * @returns tracks as `trackPortrait` gives them, in the order of their first frame; their unit is that of the generic
 * face, about 1 cm.
 * @throws TypeError for a column that is missing, a row with too few cells, and a table without points in 2D where no
 * camera is given; RangeError for a value that is not finite, a frame that does not rise, a point behind the camera.
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { parseOpenFace3d } from '@lipsync/portraits';
 * const [track] = parseOpenFace3d(await readFile('talk.csv', 'utf8'));
 */
export function parseOpenFace3d(text: string, options: OpenFace3dOptions = {}): PortraitTrack[] {
  const { maxGap = 10, poseSigma = 1 } = options;
  const { frames, camera } = readTable(text, options);
  return joinFrames(frames, maxGap).map((run) => portraitOf(run, { camera, poseSigma }));
}

const WHERE = 'parseOpenFace3d';

/** `[68, 3]` of each frame that has a face, and the camera. */
function readTable(text: string, options: OpenFace3dOptions): { frames: Map<number, Float32Array>; camera: Camera } {
  const { minConfidence = 0 } = options;
  const [header, ...rows] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const names = (header ?? '').split(',').map((name) => name.trim());
  const optional = (name: string) => names.indexOf(name);
  const column = (name: string) => {
    if (!names.includes(name))
      fail(TypeError, WHERE, 'text', `a table with the column ${name}`, `${names.slice(0, 4).join(', ')} …`);
    return names.indexOf(name);
  };
  const [frameAt, faceAt, confidenceAt, successAt] = [
    column('frame'),
    ...['face_id', 'confidence', 'success'].map(optional),
  ];
  const space = Array.from({ length: 204 }, (_, i) => column(`${'XYZ'[i % 3]}_${Math.floor(i / 3)}`));
  const flat = options.camera ? [] : Array.from({ length: 136 }, (_, i) => optional(`${'xy'[i % 2]}_${i >> 1}`));
  if (flat.includes(-1))
    fail(TypeError, WHERE, 'options.camera', 'given: the table has no points in 2D, x_0 to y_67', options.camera);
  const frames = new Map<number, Float32Array>();
  const finder = new CameraFinder();
  let [last, face] = [-1, options.face];
  rows.forEach((line, index) => {
    const cells = line.split(',');
    const at = `row ${index + 2}`;
    const read = (cell: number) => {
      const value = Number(cells[cell]?.trim() || Number.NaN);
      if (!Number.isFinite(value)) fail(RangeError, WHERE, `${at}, ${names[cell]}`, 'a finite number', cells[cell]);
      return value;
    };
    if (cells.length < names.length) fail(TypeError, WHERE, at, `${names.length} cells long`, cells.length);
    const id = faceAt < 0 ? 0 : read(faceAt);
    face ??= id;
    if (id !== face) return;
    const frame = read(frameAt) - 1;
    if (!(Number.isInteger(frame) && frame > last))
      fail(RangeError, WHERE, `${at}, frame`, `above ${last + 1}`, frame + 1);
    last = frame;
    if ((successAt >= 0 && read(successAt) === 0) || (confidenceAt >= 0 && read(confidenceAt) < minConfidence)) return;
    const points = Float32Array.from(space, (cell) => read(cell));
    for (let i = 2; i < 204; i += 3)
      if (!(points[i] > 0))
        fail(RangeError, WHERE, `${at}, Z_${(i - 2) / 3}`, 'in front of the camera, above 0', points[i]);
    if (flat.length > 0)
      finder.add(
        points,
        Float64Array.from(flat, (cell) => read(cell) + 0.5),
      );
    frames.set(frame, points);
  });
  return { frames, camera: options.camera ?? finder.camera() };
}

/** Least squares for `x = focal · X / Z + centre`. */
class CameraFinder {
  readonly #normal = new Float64Array(9);
  readonly #right = new Float64Array(3);

  add(space: Float32Array, flat: Float64Array): void {
    for (let i = 0; i < 136; i++) {
      const [point, axis] = [i >> 1, i % 2];
      const row = [space[3 * point + axis] / space[3 * point + 2], axis === 0 ? 1 : 0, axis];
      row.forEach((a, j) => {
        this.#right[j] += a * flat[i];
        row.forEach((b, k) => {
          this.#normal[3 * j + k] += a * b;
        });
      });
    }
  }

  camera(): Camera {
    const [focal, x, y] = solve(this.#normal, this.#right);
    return { focal, x, y };
  }
}

function portraitOf(run: FrameRun, { camera, poseSigma }: { camera: Camera; poseSigma: number }): PortraitTrack {
  const { frameCount, firstFrame, data } = run;
  const points: FacePoints = { data, frameCount, dimensions: 3 };
  const fit = fitPerson(points);
  // One scale for the whole video: a head does not grow.
  const scales = fit.poses.map(({ scale }) => scale).sort((a, b) => a - b);
  const unit = scales[Math.floor(scales.length / 2)];
  const raw = new Float32Array(6 * frameCount);
  fit.poses.forEach(({ rotation, shift: [x, y, z] }, frame) => {
    raw.set(poseOf(rotation, [x / unit, y / unit, z / unit]), 6 * frame);
  });
  const poses = smoothPoses({ data: raw, frameCount }, poseSigma);
  const faces = liftFaces(fit, { data: poses, frameCount }, (frame, point) => {
    const at = 3 * (frame * 68 + point);
    return [data[at] / unit, data[at + 1] / unit, data[at + 2] / unit];
  });
  return { firstFrame, frameCount, faces, poses, mean: meanFace([faces]), camera, error: fit.error };
}
