import type { SyncRecipe } from '@lipsync/contracts';
import { assertSyncRecipe, fail, frameShape } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import { Random } from '@lipsync/nn';
import { cutFeatureWindow, cutMouthWindow, windowCount } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { anglesOf, assertStoreFits } from '../store/clip';
import type { ClipStore } from '../store/clip-store';
import { named } from './sync-batch-maker';

export type EvaluationOptions = {
  /** The clips to judge on. Default: all of the store. */
  clips?: readonly string[];
  /** In-sync pairs, and as many off-sync pairs, of each clip; fewer where it is shorter. Default 12. */
  perClip?: number;
  /** Least distance in frames between audio and frames of an off-sync pair. Default 3. */
  minDistance?: number;
  /** Default 7. */
  seed?: number;
};

/** Pairs of one clip as rows of its two batches; in-sync and off-sync ones alternate. */
export type EvaluationClip = {
  id: string;
  /** `[rows, height, width, frames * 3]`; the caller disposes it. */
  frames: MouthBatch;
  /** `[rows, bins, melSteps, 1]`; the caller disposes it. */
  features: FeatureBatch;
  /** First frame of each row. */
  frameStarts: number[];
  featureStarts: number[];
  pairs: { frame: number; features: number; label: 0 | 1 }[];
};

/**
 * In-sync and off-sync pairs of the same clip to judge a network on, each window once.
 *
 * For every drawn start: its frames with its audio, and its frames with the audio of a start at least `minDistance`
 * frames away in the same clip, evenly drawn. A clip's pairs depend on the seed and its id alone, not on the other clips.
 *
 * @returns an async iterable, one entry a clip in the order given; `leftOut` fills with the ids of clips too short for a pair.
 * @example
 * const evaluation = evaluationPairs(store, recipe, { clips: held });
 * for await (const { frames, mel, pairs } of evaluation) { … }
 */
export function evaluationPairs(
  store: ClipStore,
  recipe: SyncRecipe,
  options: EvaluationOptions = {},
): AsyncIterable<EvaluationClip> & { readonly leftOut: string[] } {
  const { clips, perClip = 12, minDistance = 3, seed = 7 } = options;
  assertSyncRecipe('evaluationPairs', recipe);
  assertStoreFits('evaluationPairs', store.recipe, recipe);
  for (const [name, value] of Object.entries({ perClip, minDistance })) {
    if (!(Number.isInteger(value) && value > 0))
      fail(RangeError, 'evaluationPairs', name, 'a whole number above 0', value);
  }
  const leftOut: string[] = [];
  async function* each(): AsyncGenerator<EvaluationClip> {
    leftOut.length = 0;
    for (const id of clips ?? (await store.list())) {
      const made = await named(id, () => evaluationClip(store, recipe, id, { perClip, minDistance, seed }));
      if (made) yield made;
      else leftOut.push(id);
    }
  }
  return { leftOut, [Symbol.asyncIterator]: each };
}

async function evaluationClip(
  store: ClipStore,
  recipe: SyncRecipe,
  id: string,
  { perClip, minDistance, seed }: Required<Omit<EvaluationOptions, 'clips'>>,
): Promise<EvaluationClip | undefined> {
  const { crop, bins } = store.recipe;
  const clip = await store.read(id);
  const windows = windowCount(clip.count, clip.features.steps, recipe);
  const random = new Random(seed, ...new TextEncoder().encode(id));
  const starts = random.shuffle(Array.from({ length: windows }, (_, start) => start)).slice(0, perClip);

  const [frameRows, featureRows] = [new Map<number, number>(), new Map<number, number>()];
  const row = (rows: Map<number, number>, start: number) =>
    rows.get(start) ?? (rows.set(start, rows.size), rows.size - 1);
  const pairs: EvaluationClip['pairs'] = [];
  for (const start of starts) {
    const others: number[] = [];
    for (let other = 0; other < windows; other++) if (Math.abs(other - start) >= minDistance) others.push(other);
    if (others.length === 0) continue;
    const other = others[random.integer(others.length)];
    const frame = row(frameRows, start);
    pairs.push(
      { frame, features: row(featureRows, start), label: 1 },
      { frame, features: row(featureRows, other), label: 0 },
    );
  }
  if (pairs.length === 0) return undefined;

  const { height, width } = frameShape(recipe.crop);
  const [frameStarts, featureStarts] = [[...frameRows.keys()], [...featureRows.keys()]];
  const frameLength = height * width * recipe.frameCount * 3;
  const featureLength = bins * recipe.featureSteps;
  const frames = new Float32Array(frameStarts.length * frameLength);
  const features = new Float32Array(featureStarts.length * featureLength);
  const angles = anglesOf(clip);
  frameStarts.forEach((start, i) =>
    cutMouthWindow(clip.frames, start, {
      stored: crop,
      recipe,
      angles,
      out: frames.subarray(i * frameLength, (i + 1) * frameLength),
    }),
  );
  featureStarts.forEach((start, i) =>
    cutFeatureWindow(clip.features, start, {
      recipe,
      out: features.subarray(i * featureLength, (i + 1) * featureLength),
    }),
  );
  return {
    id,
    frames: tf.tensor4d(frames, [frameStarts.length, height, width, recipe.frameCount * 3]),
    features: tf.tensor4d(features, [featureStarts.length, bins, recipe.featureSteps, 1]),
    frameStarts,
    featureStarts,
    pairs,
  };
}
