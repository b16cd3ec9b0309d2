import type { NamedArray } from '@lipsync/checkpoints';
import type { SyncRecipe, VerdictCalibration } from '@lipsync/contracts';
import { AUDIO_FEATURES, assertSyncRecipe, fail, frameShape } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { Network } from './network';

/** Shapes of one window: `[height, width, channels]` of the frames, `[bins, steps, 1]` of the features. */
export type WindowShapes = { frames: readonly [number, number, number]; features: readonly [number, number, number] };

/**
 * A sync expert of two towers: frames and audio windows are embedded apart. Subclasses add the towers; this class holds
 * the recipe, checks the inputs and keeps `weightsHash` and `calibration`.
 *
 * New experts are in evaluation mode once their constructor has called `eval()`; call `train()` before training.
 *
 * @example
 * const isExpert = expert instanceof TwoTowerExpert;
 * const { visual, audio } = expert.forward(frames, features); // [batch, embeddingSize] each
 */
export abstract class TwoTowerExpert extends Network implements SyncExpert {
  abstract readonly name: string;
  abstract readonly space: SyncExpert['space'];
  abstract readonly embeddingSize: number;
  /** Set by the loader where the weights file has one; undefined once the weights are replaced or trained. */
  calibration?: VerdictCalibration;
  readonly #recipe: SyncRecipe | undefined;

  /**
   * @param recipe how the input is prepared; without one the network works, but `recipe` throws.
   * @throws TypeError or RangeError for a recipe that is not complete.
   */
  protected constructor(recipe: SyncRecipe | undefined) {
    super();
    this.#recipe = recipe && assertSyncRecipe(new.target.name, recipe);
  }

  /**
   * How the input is prepared.
   *
   * @throws Error if the network was built or loaded without a recipe.
   */
  get recipe(): SyncRecipe {
    const where = `${this.constructor.name}.recipe`;
    return this.#recipe ?? fail(Error, where, 'the network', 'built or loaded with a recipe', 'none');
  }

  /** Whether `recipe` can be read. */
  get hasRecipe(): boolean {
    return this.#recipe !== undefined;
  }

  override train(mode = true): this {
    if (mode) this.calibration = undefined;
    return super.train(mode);
  }

  override loadStateDict(state: Map<string, NamedArray>, options?: { where?: string }): void {
    super.loadStateDict(state, options);
    this.calibration = undefined;
  }

  /** Embeddings of checked frames `[batch, height, width, channels]`; runs inside a tidy. */
  protected abstract visualTower(frames: MouthBatch): EmbeddingBatch;
  /** Embeddings of checked features `[batch, bins, steps, 1]`; runs inside a tidy. */
  protected abstract audioTower(features: FeatureBatch): EmbeddingBatch;

  /** Shapes of one window. By default those of the recipe. */
  protected windowShapes(): WindowShapes {
    const { crop, frameCount, features, featureSteps } = this.recipe;
    const { height, width } = frameShape(crop);
    return {
      frames: [height, width, frameCount * 3],
      features: [AUDIO_FEATURES[features].bins, featureSteps, 1],
    };
  }

  /**
   * Embeddings of frame windows.
   *
   * @param frames float32 `[batch, height, width, frameCount * 3]` in the recipe's colour order and value range,
   *   channel = frame * 3 + colour; borrowed.
   * @returns float32 `[batch, embeddingSize]`. The caller disposes it.
   * @throws TypeError for another shape or dtype.
   */
  encodeVisual(frames: MouthBatch): EmbeddingBatch {
    this.assertUsable('encodeVisual');
    this.#assertBatch('encodeVisual', 'frames', frames);
    return tf.tidy(() => this.visualTower(frames));
  }

  /**
   * Embeddings of audio windows.
   *
   * @param features float32 `[batch, bins, featureSteps, 1]`, the recipe's features; borrowed.
   * @returns float32 `[batch, embeddingSize]` (`audioEmbeddingSize` where the network has one). The caller disposes it.
   * @throws TypeError for another shape or dtype.
   */
  encodeAudio(features: FeatureBatch): EmbeddingBatch {
    this.assertUsable('encodeAudio');
    this.#assertBatch('encodeAudio', 'features', features);
    return tf.tidy(() => this.audioTower(features));
  }

  /**
   * Both towers at once, frames first. The caller disposes both embeddings.
   *
   * @throws TypeError for another shape or dtype of either, before anything is computed.
   */
  forward(frames: MouthBatch, features: FeatureBatch): { visual: EmbeddingBatch; audio: EmbeddingBatch } {
    this.assertUsable('forward');
    this.#assertBatch('forward', 'frames', frames);
    this.#assertBatch('forward', 'features', features);
    return tf.tidy(() => ({ visual: this.visualTower(frames), audio: this.audioTower(features) }));
  }

  #assertBatch(method: string, argument: 'frames' | 'features', { shape, dtype }: tf.Tensor4D): void {
    const where = `${this.constructor.name}.${method}`;
    const sides = this.windowShapes()[argument];
    if (shape.length !== 4 || shape[0] < 1 || sides.some((side, axis) => shape[axis + 1] !== side)) {
      fail(TypeError, where, argument, `of shape [batch, ${sides.join(', ')}]`, [...shape]);
    }
    if (dtype !== 'float32') fail(TypeError, where, argument, 'float32', dtype);
  }
}
