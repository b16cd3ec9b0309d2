import type { Features, StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { assertSyncRecipe, fail, frameShape } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import { Random } from '@lipsync/nn';
import { cutFeatureWindow, cutMouthWindow, firstWindow, windowCount } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import type { Clip } from '../store/clip';
import { anglesOf, assertStoreFits } from '../store/clip';
import { featuresFor } from '../store/clip-features';
import type { ClipStore } from '../store/clip-store';
import { withClipId } from '../store/with-clip-id';

export type EvaluationOptions = {
  /** Ids of the clips to evaluate on. Default: all of the store. */
  clips?: readonly string[];
  /** Starts drawn in each clip; fewer where it is shorter. Default 12. */
  perClip?: number;
  /** Least distance in frames between the two windows of an off-sync pair. Default 3. */
  minDistance?: number;
  /** Also pairs at every offset up to this, frames. Default 0: none. */
  maxOffset?: number;
  /** Default 7. */
  seed?: number;
};

/** A pair of windows: rows of the clip's two batches. */
export type EvaluationPair = { frame: number; features: number };

/** Pairs of one clip as rows of its two batches. */
export type EvaluationClip = {
  id: string;
  /** float32 `[rows, height, width, frameCount * 3]`; the caller disposes it. */
  frames: MouthBatch;
  /** float32 `[rows, bins, featureSteps, 1]`; the caller disposes it. */
  features: FeatureBatch;
  /** First frame of each row of `frames`. */
  frameStarts: number[];
  /** First frame of each row of `features`. */
  featureStarts: number[];
  /** In sync (1) and off sync by at least `minDistance` (0), alternating. */
  pairs: (EvaluationPair & { label: 0 | 1 })[];
  /** One off-sync pair for each start by the thesis's rule: any other start of the same clip. */
  anyOther: EvaluationPair[];
  /**
   * The start with every offset from `-maxOffset` to `maxOffset` that lies in the clip; empty where `maxOffset` is 0.
   */
  byOffset: EvaluationPair[];
};

/**
 * In-sync and off-sync pairs of the same clip to evaluate a network on; each window is cut once.
 *
 * For every drawn start: its frames with its own audio; with the audio of a start at least `minDistance` frames away;
 * and with the audio of any other start; all evenly drawn in the same clip. The pairs of a clip depend on the seed and
 * its id only, not on other clips.
 *
 * @returns an async iterable, one entry a clip in the order given; `leftOut` fills with the ids of clips too short for
 *   a pair.
 * @example
 * for await (const { frames, features } of evaluationPairs(store, recipe, { clips: held })) {
 *   frames.dispose();
 *   features.dispose();
 * }
 */
export function evaluationPairs(
  store: ClipStore,
  recipe: SyncRecipe,
  options: EvaluationOptions = {},
): AsyncIterable<EvaluationClip> & { readonly leftOut: string[] } {
  const { clips, perClip = 12, minDistance = 3, maxOffset = 0, seed = 7 } = options;
  assertSyncRecipe('evaluationPairs', recipe);
  assertStoreFits('evaluationPairs', store.recipe, recipe);
  for (const [name, value] of Object.entries({ perClip, minDistance })) {
    if (!(Number.isInteger(value) && value > 0))
      fail(RangeError, 'evaluationPairs', name, 'a whole number above 0', value);
  }
  if (!(Number.isInteger(maxOffset) && maxOffset >= 0))
    fail(RangeError, 'evaluationPairs', 'maxOffset', 'a whole number from 0', maxOffset);
  const leftOut: string[] = [];
  async function* each(): AsyncGenerator<EvaluationClip> {
    leftOut.length = 0;
    for (const id of clips ?? (await store.list())) {
      const made = await withClipId(id, () =>
        evaluationClip(store, recipe, id, { perClip, minDistance, maxOffset, seed }),
      );
      if (made) yield made;
      else leftOut.push(id);
    }
  }
  return { leftOut, [Symbol.asyncIterator]: each };
}

type ClipOptions = Required<Omit<EvaluationOptions, 'clips'>>;

async function evaluationClip(
  store: ClipStore,
  recipe: SyncRecipe,
  id: string,
  options: ClipOptions,
): Promise<EvaluationClip | undefined> {
  const clip = await store.read(id);
  const features = featuresFor(clip, recipe, store.recipe);
  const first = firstWindow(recipe);
  const windows = Math.max(0, windowCount(clip.frameCount, features.steps, recipe) - first);
  const drawn = drawPairs(id, windows, options);
  drawn.frameStarts = drawn.frameStarts.map((start) => start + first);
  drawn.featureStarts = drawn.featureStarts.map((start) => start + first);
  if (drawn.pairs.length === 0) return undefined;
  return { id, ...drawn, ...cutWindows(clip, features, { ...drawn, stored: store.recipe.crop, recipe }) };
}

type DrawnPairs = Pick<EvaluationClip, 'frameStarts' | 'featureStarts' | 'pairs' | 'anyOther' | 'byOffset'>;

function drawPairs(id: string, windows: number, { perClip, minDistance, maxOffset, seed }: ClipOptions): DrawnPairs {
  const address = new TextEncoder().encode(id);
  const random = new Random(seed, ...address);
  const anyRandom = new Random(seed, ...address, ANY_OTHER); // a stream of its own: the other draws do not depend on it
  const starts = random.shuffle(Array.from({ length: windows }, (_, start) => start)).slice(0, perClip);
  const [frameRows, featureRows] = [new Map<number, number>(), new Map<number, number>()];
  const row = (rows: Map<number, number>, start: number) => {
    if (!rows.has(start)) rows.set(start, rows.size);
    return rows.get(start)!;
  };
  const drawn: DrawnPairs = { frameStarts: [], featureStarts: [], pairs: [], anyOther: [], byOffset: [] };
  for (const start of starts) {
    const others: number[] = [];
    for (let other = 0; other < windows; other++) if (Math.abs(other - start) >= minDistance) others.push(other);
    if (others.length === 0) continue;
    const other = others[random.integer(others.length)];
    const frame = row(frameRows, start);
    drawn.pairs.push(
      { frame, features: row(featureRows, start), label: 1 },
      { frame, features: row(featureRows, other), label: 0 },
    );
    const any = anyRandom.integer(windows - 1);
    drawn.anyOther.push({ frame, features: row(featureRows, any < start ? any : any + 1) });
    const first = Math.max(0, start - maxOffset);
    const end = Math.min(windows, start + maxOffset + 1);
    for (let at = first; at < end && maxOffset > 0; at++)
      drawn.byOffset.push({ frame, features: row(featureRows, at) });
  }
  drawn.frameStarts = [...frameRows.keys()];
  drawn.featureStarts = [...featureRows.keys()];
  return drawn;
}

const ANY_OTHER = 0x0a11;

/** The windows of all rows as two tensors. */
function cutWindows(
  clip: Clip,
  audio: Features,
  { frameStarts, featureStarts, stored, recipe }: DrawnPairs & { stored: StoredCrop; recipe: SyncRecipe },
): Pick<EvaluationClip, 'frames' | 'features'> {
  const { height, width } = frameShape(recipe.crop);
  const frameLength = height * width * recipe.frameCount * 3;
  const featureLength = audio.bins * recipe.featureSteps;
  const frames = new Float32Array(frameStarts.length * frameLength);
  const features = new Float32Array(featureStarts.length * featureLength);
  const angles = anglesOf(clip);
  frameStarts.forEach((start, i) =>
    cutMouthWindow(clip.frames, start, {
      stored,
      recipe,
      angles,
      out: frames.subarray(i * frameLength, (i + 1) * frameLength),
    }),
  );
  featureStarts.forEach((start, i) =>
    cutFeatureWindow(audio, start, {
      recipe,
      out: features.subarray(i * featureLength, (i + 1) * featureLength),
    }),
  );
  return {
    frames: tf.tensor4d(frames, [frameStarts.length, height, width, recipe.frameCount * 3]),
    features: tf.tensor4d(features, [featureStarts.length, audio.bins, recipe.featureSteps, 1]),
  };
}
