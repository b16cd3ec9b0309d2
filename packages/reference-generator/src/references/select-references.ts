import { fail } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import type { AffineMap } from '../discriminator/warp-affine';
import { kMeans } from './k-means';

/** Points of the lips and the lower chin, of the 68 points of iBUG: what references differ in. */
export const REFERENCE_POINTS: readonly number[] = Object.freeze([
  ...Array.from({ length: 9 }, (_, i) => 4 + i),
  ...Array.from({ length: 20 }, (_, i) => 48 + i),
]);

/**
 * How the references of a clip are chosen. `random`: one frame; `near`: one frame within 30 of the target; `k-means`: one
 * frame of each of K clusters of mouth shapes, as many as there are; `k-means, augmented`: filled up to K by frames that
 * are rotated, scaled and shifted.
 */
export type ReferenceSelection = 'random' | 'near' | 'k-means' | 'k-means, augmented';

/** Options of `selectReferences`. */
export type SelectReferencesOptions = {
  selection: ReferenceSelection;
  /** 68 points of each frame in pixels of its image, `frames · 136` values. Needed for `k-means`. */
  landmarks?: Float32Array;
  /** Frames of the clip. */
  frameCount: number;
  /** First frame of the target window, which gives no reference; without one the whole clip does. */
  target?: { start: number; length: number };
  /** K. Default 10. */
  references?: number;
  /** Side of the images, for the shifts. Default 96. */
  size?: number;
  /** Seed of clusters and draws, an integer. */
  seed: number;
};

/** A reference: a frame of the clip, and how its image is changed where it stands in for a cluster that is missing. */
export type SelectedReference = { frame: number; change?: AffineMap };

/** Largest distance of a `near` reference from the target window, frames. */
const NEIGHBOURHOOD = 30;
/** Ranges of the affine changes. */
const DEGREES = 10;
const SCALE = 0.1;
const SHIFT = 0.05;

/**
 * Chooses the reference frames of a clip.
 *
 * K-means on the points of lips and lower chin of all frames; of each cluster the frame nearest to its centre. The
 * clusters depend on clip and seed alone, so every window of a clip has the same references, but for those inside the
 * window, which are left out.
 *
 * Source: the coursework; one frame a cluster, K = 10, missing clusters filled by affine augmentation of the others. The
 * ranges are ours: rotation up to 10 degrees, size up to 10 %, shift up to 5 % of the side.
 *
 * @returns one reference for `random` and `near`, at most `references` for `k-means`, exactly as many with augmentation.
 * @throws RangeError for a clip without a frame outside the target window, and for landmarks of another length; TypeError
 *   for another selection.
 * @example
 * const chosen = selectReferences({ selection: 'random', frameCount: 75, target: { start: 10, length: 5 }, seed: 1 });
 */
export function selectReferences(options: SelectReferencesOptions): SelectedReference[] {
  const { selection, frameCount, target, references = 10, size = 96, seed } = options;
  const where = 'selectReferences';
  const inside = (frame: number) =>
    target !== undefined && frame >= target.start && frame < target.start + target.length;
  const allowed = Array.from({ length: frameCount }, (_, frame) => frame).filter((frame) => !inside(frame));
  if (allowed.length === 0)
    fail(RangeError, where, 'frameCount', 'a clip with a frame outside the target window', frameCount);
  if (!(Number.isInteger(references) && references > 0))
    fail(RangeError, where, 'references', 'a whole number from 1', references);
  const random = new Random(seed, 1, target?.start ?? 0);
  if (selection === 'random') return [{ frame: allowed[random.integer(allowed.length)] }];
  if (selection === 'near') {
    const near = target ? allowed.filter((frame) => distanceFrom(target, frame) <= NEIGHBOURHOOD) : allowed;
    return [{ frame: near[random.integer(near.length)] }];
  }
  if (selection !== 'k-means' && selection !== 'k-means, augmented')
    fail(TypeError, where, 'selection', 'random, near, k-means or k-means, augmented', selection);
  const chosen = mouthShapes(options, references).filter((frame) => !inside(frame));
  // Where the window holds every representative: any other frame.
  const frames = chosen.length > 0 ? chosen : [allowed[random.integer(allowed.length)]];
  const kept: SelectedReference[] = frames.map((frame) => ({ frame }));
  if (selection === 'k-means') return kept;
  while (kept.length < references) {
    kept.push({ frame: frames[random.integer(frames.length)], change: drawChange(random, size) });
  }
  return kept;
}

/** Frames between a frame and the nearest of the window. */
function distanceFrom({ start, length }: { start: number; length: number }, frame: number): number {
  return frame < start ? start - frame : frame - (start + length - 1);
}

/** The frame nearest to the centre of each cluster, in order of time. */
function mouthShapes({ landmarks, frameCount, seed }: SelectReferencesOptions, clusters: number): number[] {
  if (landmarks?.length !== 136 * frameCount)
    fail(RangeError, 'selectReferences', 'landmarks', `68 points of ${frameCount} frames`, landmarks?.length);
  const columns = 2 * REFERENCE_POINTS.length;
  const values = new Float64Array(frameCount * columns);
  for (let frame = 0; frame < frameCount; frame++) {
    REFERENCE_POINTS.forEach((point, i) => {
      values[frame * columns + 2 * i] = landmarks[136 * frame + 2 * point];
      values[frame * columns + 2 * i + 1] = landmarks[136 * frame + 2 * point + 1];
    });
  }
  const odd = values.find((value) => !Number.isFinite(value));
  if (odd !== undefined) fail(RangeError, 'selectReferences', 'landmarks', 'finite numbers', odd);
  const { centres, labels } = kMeans({ values, columns }, { clusters, seed });
  const nearest = Array.from({ length: centres.length / columns }, () => ({ frame: -1, distance: Infinity }));
  labels.forEach((label, frame) => {
    let distance = 0;
    for (let i = 0; i < columns; i++) distance += (values[frame * columns + i] - centres[label * columns + i]) ** 2;
    if (distance < nearest[label].distance) nearest[label] = { frame, distance };
  });
  return nearest.map(({ frame }) => frame).sort((a, b) => a - b);
}

function drawChange(random: Random, size: number): AffineMap {
  const angle = (random.uniform(-DEGREES, DEGREES) * Math.PI) / 180;
  const factor = 1 / (1 + random.uniform(-SCALE, SCALE));
  const [cos, sin] = [factor * Math.cos(angle), factor * Math.sin(angle)];
  const shift = () => size * random.uniform(-SHIFT, SHIFT);
  return { a: cos, b: sin, c: -sin, d: cos, shiftX: shift(), shiftY: shift() };
}
