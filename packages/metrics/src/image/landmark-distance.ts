import { fail } from '@lipsync/contracts';
import type { MetricScore } from '../metric-description';
import { RunningMean } from '../running-mean';

export type LandmarkDistanceOptions = {
  /** `mouth`: points 48-67, LMD. `all`: all 68, F-LMD. Or a choice of points. Default `mouth`. */
  points?: 'mouth' | 'all' | readonly number[];
  /**
   * `raw`: points as they are, in pixels: depends on the crop's size. `translation`: each frame's points are first
   * moved so that the mean of the chosen ones is 0. `scale`: moved, then divided by the size of the real face in that
   * frame. Default `raw`.
   */
  normalisation?: 'raw' | 'translation' | 'scale';
  /**
   * What `scale` divides by: the distance between the eyes' centres (means of 36-41 and of 42-47), or the mouth's width
   * (48 to 54). Default `eyes`.
   */
  scaleBy?: 'eyes' | 'mouth';
};

/** The distance with all that defines it. */
export type LandmarkDistance = {
  value: number;
  /** `pixels`, or `eye distances` or `mouth widths`. */
  unit: 'pixels' | 'eye distances' | 'mouth widths';
  /** Points, normalisation and averaging in words. */
  definition: string;
  frameCount: number;
};

const POINTS = 68;
const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const [RIGHT_EYE, LEFT_EYE, MOUTH, ALL] = [range(36, 41), range(42, 47), range(48, 67), range(0, 67)];

type Settings = {
  points: readonly number[];
  normalisation: 'raw' | 'translation' | 'scale';
  scaleBy: 'eyes' | 'mouth';
};

function settingsOf(where: string, options: LandmarkDistanceOptions): Settings {
  const { points = 'mouth', normalisation = 'raw', scaleBy = 'eyes' } = options;
  if (!['raw', 'translation', 'scale'].includes(normalisation)) {
    fail(TypeError, where, 'normalisation', 'raw, translation or scale', normalisation);
  }
  if (scaleBy !== 'eyes' && scaleBy !== 'mouth') fail(TypeError, where, 'scaleBy', 'eyes or mouth', scaleBy);
  if (points === 'mouth') return { points: MOUTH, normalisation, scaleBy };
  if (points === 'all') return { points: ALL, normalisation, scaleBy };
  const ok =
    Array.isArray(points) && points.length > 0 && points.every((p) => Number.isInteger(p) && p >= 0 && p < POINTS);
  if (!ok) fail(RangeError, where, 'points', 'mouth, all or some of 0..67', points);
  if (new Set(points).size < points.length) fail(RangeError, where, 'points', 'without repeats', points);
  return { points: [...points], normalisation, scaleBy };
}

function unitOf({ normalisation, scaleBy }: Settings): LandmarkDistance['unit'] {
  if (normalisation !== 'scale') return 'pixels';
  return scaleBy === 'eyes' ? 'eye distances' : 'mouth widths';
}

function definitionOf(settings: Settings): string {
  const { points, normalisation, scaleBy } = settings;
  const named =
    points === MOUTH ? 'mouth points 48-67' : points === ALL ? 'all 68 points' : `points ${points.join(', ')}`;
  const size = scaleBy === 'eyes' ? 'the distance of its eye centres' : "its mouth's width";
  const how = {
    raw: 'as they are',
    translation: 'moved to a mean of 0 in each frame',
    scale: `moved to a mean of 0 in each frame and divided by the real face's size, ${size}`,
  }[normalisation];
  return `mean Euclidean distance of the ${named} of iBUG-68, ${how}, over points and frames, in ${unitOf(settings)}`;
}

/** Coordinate `axis` of a point of a frame. */
const at = (all: Float32Array, frame: number, point: number, axis: number): number =>
  all[(frame * POINTS + point) * 2 + axis];

function centre(all: Float32Array, frame: number, points: readonly number[]): [number, number] {
  let [x, y] = [0, 0];
  for (const point of points) {
    x += at(all, frame, point, 0);
    y += at(all, frame, point, 1);
  }
  return [x / points.length, y / points.length];
}

function sizeOf(all: Float32Array, frame: number, scaleBy: 'eyes' | 'mouth'): number {
  const [right, left] = scaleBy === 'eyes' ? [RIGHT_EYE, LEFT_EYE] : [[48], [54]];
  const [[x0, y0], [x1, y1]] = [centre(all, frame, right), centre(all, frame, left)];
  return Math.hypot(x1 - x0, y1 - y0);
}

/** The mean distance of each frame in turn. */
function frameDistances(where: string, real: Float32Array, generated: Float32Array, settings: Settings): number[] {
  for (const [name, points] of Object.entries({ real, generated })) {
    if (!(points instanceof Float32Array) || points.length === 0 || points.length % (2 * POINTS) !== 0) {
      fail(TypeError, where, name, 'a Float32Array of [frames, 68, 2]', (points as Float32Array)?.length);
    }
    const bad = points.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) fail(RangeError, where, name, 'finite', `${points[bad]} in frame ${Math.floor(bad / (2 * POINTS))}`);
  }
  if (real.length !== generated.length) {
    fail(
      TypeError,
      where,
      'generated',
      `of ${real.length / (2 * POINTS)} frames, as real is`,
      generated.length / (2 * POINTS),
    );
  }
  const { points, normalisation, scaleBy } = settings;
  return Array.from({ length: real.length / (2 * POINTS) }, (_, frame) => {
    const [[x0, y0], [x1, y1]] =
      normalisation === 'raw'
        ? [
            [0, 0],
            [0, 0],
          ]
        : [centre(real, frame, points), centre(generated, frame, points)];
    const size = normalisation === 'scale' ? sizeOf(real, frame, scaleBy) : 1;
    if (!(size > 0))
      fail(RangeError, where, 'real', `a face with a size (${unitOf(settings)})`, `${size} in frame ${frame}`);
    let total = 0;
    for (const point of points) {
      const dx = at(real, frame, point, 0) - x0 - (at(generated, frame, point, 0) - x1);
      const dy = at(real, frame, point, 1) - y0 - (at(generated, frame, point, 1) - y1);
      total += Math.hypot(dx, dy);
    }
    return total / points.length / size;
  });
}

/**
 * Landmark distance of a real and a generated clip, LMD of the mouth or F-LMD of the face: `1/T 1/P Σ_t Σ_p |l[t, p] -
 * l'[t, p]|`.
 *
 * Published numbers follow different definitions (pixels of crops of 128 or 256, moved and scaled or not), so the
 * result carries its own; the detector, which no definition tells, must be written beside it.
 *
 * @param real iBUG-68 points of the real clip, `[frames, 68, 2]`, row-major, pixels: `FaceTrack.points`.
 * @param generated The same frames of the generated clip.
 * @throws TypeError for clips of different length.
 * @example
 * const options = { normalisation: 'translation' } as const;
 * const { value, unit, definition } = landmarkDistance(real.points, generated.points, options);
 */
export function landmarkDistance(
  real: Float32Array,
  generated: Float32Array,
  options: LandmarkDistanceOptions = {},
): LandmarkDistance {
  const settings = settingsOf('landmarkDistance', options);
  const distances = frameDistances('landmarkDistance', real, generated, settings);
  const value = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  return { value, unit: unitOf(settings), definition: definitionOf(settings), frameCount: distances.length };
}

/**
 * Landmark distance over many clips: the mean over all of their frames.
 *
 * @example
 * const scorer = new LandmarkDistanceScorer({ normalisation: 'translation' });
 * scorer.update(real.points, generated.points); // Float32Array of [frames, 68, 2] each
 * console.log(formatScore(scorer.compute()));
 */
export class LandmarkDistanceScorer {
  readonly #settings: Settings;
  readonly #mean = new RunningMean();

  constructor(options: LandmarkDistanceOptions = {}) {
    this.#settings = settingsOf('LandmarkDistanceScorer', options);
  }

  /** Takes a clip, or the next frames of one. @returns the distance of these frames. */
  update(real: Float32Array, generated: Float32Array): number {
    const distances = frameDistances('LandmarkDistanceScorer.update', real, generated, this.#settings);
    for (const distance of distances) this.#mean.add(distance);
    return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  }

  /** @throws Error before the first frame. */
  compute(): MetricScore & { unit: LandmarkDistance['unit'] } {
    return {
      metric: this.#settings.points === ALL ? 'f-lmd' : 'lmd',
      value: this.#mean.mean('LandmarkDistanceScorer.compute'),
      unit: unitOf(this.#settings),
      samples: this.#mean.count,
      convention: definitionOf(this.#settings),
      notes: [],
    };
  }

  reset(): void {
    this.#mean.reset();
  }
}
