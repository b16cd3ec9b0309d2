import type * as tf from '@tensorflow/tfjs-core';
import { AUDIO_FEATURES } from '../audio/audio';
import { fail } from '../common/fail';
import type { SyncRecipe } from '../recipe/recipe';
import { frameShape } from '../recipe/recipe';
import type { EmbeddingBatch, FeatureBatch, MouthBatch } from './axes';
import type { VerdictCalibration } from './verdict-calibration';

/** A trained network that embeds frames and audio in one space, close to each other where they are in sync. */
export interface SyncExpert {
  /** For reports, as in "LSE-D (AVAlignNet)". */
  readonly name: string;
  /** How its inputs are prepared. */
  readonly recipe: SyncRecipe;
  readonly embeddingSize: number;
  /** Size of an audio embedding where it differs from `embeddingSize`; only in the space `joint`. */
  readonly audioEmbeddingSize?: number;
  /**
   * How two embeddings are compared. `unit`: both have length 1, distance sqrt(2 - 2 cos). `euclidean`: SyncNet 2016's,
   * the distance that PyTorch computes with eps 1e-6. `joint`: the network scores pairs of embeddings itself, with
   * `pairDistances`.
   */
  readonly space: 'unit' | 'euclidean' | 'joint';
  /** SHA-256 of the weights file, hexadecimal; undefined where the weights came from no file. */
  readonly weightsHash?: string;
  /**
   * How its evidence becomes a confidence, from the weights file; undefined where the file has none. Another network's
   * does not hold for it.
   */
  readonly calibration?: VerdictCalibration;
  /**
   * What computes the embeddings where it is not TensorFlow.js, for reports, such as `onnxruntime-node 1.30.0`.
   */
  readonly engine?: string;
  /**
   * Frames `[batch, height, width, frameCount * 3]` to `[batch, embeddingSize]`, sizes by `frameShape`. The caller
   * disposes the result.
   */
  encodeVisual(frames: MouthBatch): EmbeddingBatch;
  /**
   * Features `[batch, bins, featureSteps, 1]` to `[batch, audioEmbeddingSize ?? embeddingSize]`. The caller disposes
   * the result.
   */
  encodeAudio(features: FeatureBatch): EmbeddingBatch;
  /**
   * In the space `joint`: one distance for each row of both, `[batch]`, 0 where frames and audio are in sync, larger
   * where they are not. The caller disposes the result.
   */
  pairDistances?(visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor1D;
  /** Frees the weights. Safe to call twice. */
  dispose(): void;
}

/**
 * Refuses frames whose shape is not `[batch, height, width, frameCount * 3]` of the recipe.
 *
 * @throws TypeError that gives both shapes.
 * @example
 * assertMouthBatch('encodeVisual', expert.recipe, frames.shape);
 */
export function assertMouthBatch(where: string, recipe: SyncRecipe, shape: readonly number[]): void {
  const { height, width } = frameShape(recipe.crop);
  const ok = shape.length === 4 && shape[1] === height && shape[2] === width && shape[3] === recipe.frameCount * 3;
  if (!ok)
    fail(TypeError, where, 'frames', `of shape [batch, ${height}, ${width}, ${recipe.frameCount * 3}]`, [...shape]);
}

/**
 * Refuses feature windows whose shape is not `[batch, bins, featureSteps, 1]` of the recipe.
 *
 * @throws TypeError that gives both shapes.
 * @example
 * assertFeatureBatch('encodeAudio', expert.recipe, features.shape);
 */
export function assertFeatureBatch(where: string, recipe: SyncRecipe, shape: readonly number[]): void {
  const { bins } = AUDIO_FEATURES[recipe.features];
  const ok = shape.length === 4 && shape[1] === bins && shape[2] === recipe.featureSteps && shape[3] === 1;
  if (!ok) fail(TypeError, where, 'features', `of shape [batch, ${bins}, ${recipe.featureSteps}, 1]`, [...shape]);
}
