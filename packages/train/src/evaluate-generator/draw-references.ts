import { fail } from '@lipsync/contracts';
import type { Random } from '@lipsync/nn';

/** Frames on both sides of a generated one that are no references of it, where the clip is long enough. */
export const REFERENCE_DISTANCE = 5;

/**
 * Random references for every frame of a clip, spread over the clip, and none nearer than five frames where that is
 * possible.
 *
 * The clip is cut into `references` equal stretches, and two frames are drawn in each, as far apart as the distance
 * asks where the stretch allows. A generated frame takes the first, or the second where the first is too near. So there
 * are few different sets, and each is encoded once.
 *
 * @param count Frames of the clip, at least 2.
 * @returns indices of frames, `references` a frame, in the order of the stretches.
 * @throws RangeError for counts that are too small.
 * @example
 * import { Random } from '@lipsync/nn';
 * const sets = drawReferences(75, 5, new Random(1)); // sets[0]: [7, 18, 41, 52, 70]
 */
export function drawReferences(count: number, references: number, random: Random): number[][] {
  for (const [name, value, least] of [
    ['count', count, 2],
    ['references', references, 1],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least))
      fail(RangeError, 'drawReferences', name, `a whole number of at least ${least}`, value);
  }
  const stretches = Array.from({ length: references }, (_, i) => {
    const from = Math.min(count - 1, Math.floor((i * count) / references));
    const to = Math.max(from + 1, Math.floor(((i + 1) * count) / references));
    return drawTwo(from, to, count, random);
  });
  return Array.from({ length: count }, (_, frame) =>
    stretches.map(([first, second]) => {
      const [near, far] = [first, second].map((reference) => Math.abs(reference - frame));
      return near >= REFERENCE_DISTANCE || near >= far ? first : second;
    }),
  );
}

/** Two frames of a stretch, so far apart that no frame is too near to both, where the clip is long enough. */
function drawTwo(from: number, to: number, count: number, random: Random): [number, number] {
  const first = from + random.integer(to - from);
  const apart = (other: number) => Math.abs(other - first) >= 2 * REFERENCE_DISTANCE - 1;
  const within = (low: number, high: number) => Array.from({ length: high - low }, (_, i) => low + i);
  const inStretch = within(from, to).filter(apart);
  const anywhere = inStretch.length > 0 ? inStretch : within(0, count).filter(apart);
  if (anywhere.length > 0) {
    // Of those outside of the stretch, the nearest.
    const best =
      inStretch.length > 0
        ? inStretch[random.integer(inStretch.length)]
        : anywhere.reduce((a, b) => (Math.abs(b - first) < Math.abs(a - first) ? b : a));
    return [first, best];
  }
  // A clip of a few frames: the farthest one.
  const farthest = first < count / 2 ? count - 1 : 0;
  return [first, farthest];
}
