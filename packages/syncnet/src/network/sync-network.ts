import type { NamedArray } from '@lipsync/checkpoints';
import type { SyncRecipe } from '@lipsync/contracts';
import { assertSyncRecipe, fail } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import { assertFeatureBatch, assertMouthBatch } from '@lipsync/contracts/tensors';
import { Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * What the published networks have in common: two towers under one recipe, evaluation mode from the start, and inputs checked at the door.
 *
 * New networks are in evaluation mode, as their use as experts needs it; `train()` before training.
 */
export abstract class SyncNetwork extends Module implements SyncExpert {
  abstract readonly name: string;
  abstract readonly space: SyncExpert['space'];
  abstract readonly embeddingSize: number;
  readonly recipe: SyncRecipe;
  /** SHA-256 of the file that the weights came from; gone once they are replaced or trained on. */
  weightsHash?: string;

  protected constructor(recipe: SyncRecipe) {
    super();
    this.recipe = assertSyncRecipe(new.target.name, recipe);
  }

  /** The visual tower on checked frames, inside a tidy. */
  protected abstract visualTower(frames: tf.Tensor4D): tf.Tensor2D;
  /** The audio tower on checked features, inside a tidy. */
  protected abstract audioTower(features: tf.Tensor4D): tf.Tensor2D;

  /**
   * Embeddings of frame windows.
   *
   * @param frames float32 `[batch, height, width, frames * 3]` in the recipe's colours and range; borrowed.
   * @returns float32 `[batch, embeddingSize]`. The caller disposes it.
   * @throws TypeError for another shape or dtype.
   */
  encodeVisual(frames: MouthBatch): EmbeddingBatch {
    this.assertUsable('encodeFrames');
    assertMouthBatch(`${this.constructor.name}.encodeFrames`, this.recipe, frames.shape);
    this.assertFloat('encodeFrames', 'frames', frames);
    return tf.tidy(() => this.visualTower(frames));
  }

  /**
   * Embeddings of audio windows.
   *
   * @param features float32 `[batch, bins, steps, 1]`, the features of the recipe; borrowed.
   * @returns float32 `[batch, embeddingSize]` (`audioEmbeddingSize` where that is given). The caller disposes it.
   * @throws TypeError for another shape or dtype.
   */
  encodeAudio(features: FeatureBatch): EmbeddingBatch {
    this.assertUsable('encodeAudio');
    assertFeatureBatch(`${this.constructor.name}.encodeAudio`, this.recipe, features.shape);
    this.assertFloat('encodeAudio', 'mel', features);
    return tf.tidy(() => this.audioTower(features));
  }

  /** Both towers at once. The caller disposes both embeddings. */
  forward(frames: MouthBatch, features: FeatureBatch): { visual: EmbeddingBatch; audio: EmbeddingBatch } {
    return tf.tidy(() => ({ visual: this.encodeVisual(frames), audio: this.encodeAudio(features) }));
  }

  override train(mode = true): this {
    if (mode) this.weightsHash = undefined;
    return super.train(mode);
  }

  override loadStateDict(state: Map<string, NamedArray>, options?: { where?: string }): void {
    super.loadStateDict(state, options);
    this.weightsHash = undefined;
  }

  private assertFloat(method: string, argument: string, { dtype }: tf.Tensor): void {
    if (dtype !== 'float32') fail(TypeError, `${this.constructor.name}.${method}`, argument, 'float32', dtype);
  }
}
