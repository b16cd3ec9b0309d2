import * as tf from '@tensorflow/tfjs-core';
import { assertSyncRecipe, fail, pictureShape } from '@lipsync/contracts';
import type { MelBatch, MouthBatch, SyncRecipe } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { anglesOf, assertStoreFits } from '../store/clip';
import type { ClipStore } from '../store/clip-store';
import { cutMelWindow } from '@lipsync/sync-windows';
import { cutMouthWindow } from '@lipsync/sync-windows';
import { named } from './sync-batch-maker';
import { windowCount } from '@lipsync/sync-windows';

export type EvaluationOptions = {
  /** The clips to judge on. Default: all of the store. */
  clips?: readonly string[];
  /** In-sync pairs, and as many off-sync pairs, of each clip; fewer where it is shorter. Default 12. */
  perClip?: number;
  /** Least distance in frames between sound and pictures of an off-sync pair. Default 3. */
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
  mel: MelBatch;
  /** First frame of each row. */
  frameStarts: number[];
  melStarts: number[];
  pairs: { frame: number; mel: number; label: 0 | 1 }[];
};

/**
 * In-sync and off-sync pairs of the same clip to judge a network on, each window once.
 *
 * For every drawn start: its pictures with its sound, and its pictures with the sound of a start at least `minDistance`
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
    if (!(Number.isInteger(value) && value > 0)) fail(RangeError, 'evaluationPairs', name, 'a whole number above 0', value);
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
  const windows = windowCount(clip.count, clip.mel.steps, recipe);
  const random = new Random(seed, ...new TextEncoder().encode(id));
  const starts = random.shuffle(Array.from({ length: windows }, (_, start) => start)).slice(0, perClip);

  const [frameRows, melRows] = [new Map<number, number>(), new Map<number, number>()];
  const row = (rows: Map<number, number>, start: number) => rows.get(start) ?? (rows.set(start, rows.size), rows.size - 1);
  const pairs: EvaluationClip['pairs'] = [];
  for (const start of starts) {
    const others: number[] = [];
    for (let other = 0; other < windows; other++) if (Math.abs(other - start) >= minDistance) others.push(other);
    if (others.length === 0) continue;
    const other = others[random.integer(others.length)];
    const frame = row(frameRows, start);
    pairs.push({ frame, mel: row(melRows, start), label: 1 }, { frame, mel: row(melRows, other), label: 0 });
  }
  if (pairs.length === 0) return undefined;

  const { height, width } = pictureShape(recipe.crop);
  const [frameStarts, melStarts] = [[...frameRows.keys()], [...melRows.keys()]];
  const frameLength = height * width * recipe.frames * 3;
  const melLength = bins * recipe.melSteps;
  const frames = new Float32Array(frameStarts.length * frameLength);
  const mel = new Float32Array(melStarts.length * melLength);
  const angles = anglesOf(clip);
  frameStarts.forEach((start, i) =>
    cutMouthWindow(clip.frames, start, { stored: crop, recipe, angles, out: frames.subarray(i * frameLength, (i + 1) * frameLength) }),
  );
  melStarts.forEach((start, i) =>
    cutMelWindow(clip.mel, start, { recipe, out: mel.subarray(i * melLength, (i + 1) * melLength) }),
  );
  return {
    id,
    frames: tf.tensor4d(frames, [frameStarts.length, height, width, recipe.frames * 3]),
    mel: tf.tensor4d(mel, [melStarts.length, bins, recipe.melSteps, 1]),
    frameStarts,
    melStarts,
    pairs,
  };
}
