import type * as tf from '@tensorflow/tfjs-core';
import { AUDIO_FEATURES } from '../audio/audio';
import { fail } from '../fail';
import type { SyncRecipe } from '../recipe/recipe';
import { frameShape } from '../recipe/recipe';
import type { EmbeddingBatch, FeatureBatch, MouthBatch } from './axes';

/** A trained network that places frames and audio in one space, near where they are in sync. */
export interface SyncExpert {
  /** For reports, as in "LSE-D (AVAlignNet)". */
  readonly name: string;
  /** What it must be fed with. */
  readonly recipe: SyncRecipe;
  readonly embeddingSize: number;
  /** Numbers a row of audio has where it differs from `embeddingSize`; only `joint` networks differ. */
  readonly audioEmbeddingSize?: number;
  /**
   * `unit`: embeddings of length 1, distance sqrt(2 - 2 cos). `euclidean`: SyncNet 2016's, distance as PyTorch's with eps 1e-6. `joint`: the
   * network judges a pair of frame and audio itself, by `pairDistances`.
   */
  readonly space: 'unit' | 'euclidean' | 'joint';
  /** SHA-256 of the weights, hexadecimal, where they came from a file. */
  readonly weightsHash?: string;
  /** `[batch, height, width, frames * 3]` to `[batch, embeddingSize]`, sizes by `pictureShape`; the caller disposes the result. */
  encodeVisual(frames: MouthBatch): EmbeddingBatch;
  /** `[batch, bins, melSteps, 1]` to `[batch, embeddingSize]`; the caller disposes the result. */
  encodeAudio(features: FeatureBatch): EmbeddingBatch;
  /** Of `joint` networks: `[batch]`, 0 where frame and audio of a row belong together, larger where they do not; the caller's. */
  pairDistances?(frames: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor1D;
  dispose(): void;
}

/** Refuses frames of another shape than the expert's recipe asks for. */
export function assertMouthBatch(where: string, recipe: SyncRecipe, shape: readonly number[]): void {
  const { height, width } = frameShape(recipe.crop);
  const ok = shape.length === 4 && shape[1] === height && shape[2] === width && shape[3] === recipe.frameCount * 3;
  if (!ok)
    fail(TypeError, where, 'frames', `of shape [batch, ${height}, ${width}, ${recipe.frameCount * 3}]`, [...shape]);
}

/** Refuses feature windows of another shape than the expert's recipe asks for. */
export function assertFeatureBatch(where: string, recipe: SyncRecipe, shape: readonly number[]): void {
  const { bins } = AUDIO_FEATURES[recipe.features];
  const ok = shape.length === 4 && shape[1] === bins && shape[2] === recipe.featureSteps && shape[3] === 1;
  if (!ok) fail(TypeError, where, 'mel', `of shape [batch, ${bins}, ${recipe.featureSteps}, 1]`, [...shape]);
}
