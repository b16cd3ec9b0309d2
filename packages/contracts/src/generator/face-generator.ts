import type * as tf from '@tensorflow/tfjs-core';
import type { StoredCrop } from '../recipe/recipe';
import type { GeneratorRecipe } from './generator-recipe';

/** Encoded references by name: what a generator computes once for many frames. The caller disposes each tensor. */
export type EncodedReferences = { readonly [name: string]: tf.Tensor };

/**
 * A network that fills the hidden part of face images from reference frames and audio.
 *
 * All face images are RGB from 0 to 1; a network that was trained with another order or range converts them itself.
 */
export interface FaceGenerator {
  /** For reports, such as `DINet`. */
  readonly name: string;
  readonly recipe: GeneratorRecipe;
  /** The face images that it was trained with; undefined where its file does not say, and for a new one. */
  readonly crop?: StoredCrop;
  /** SHA-256 of the weights file, hexadecimal; undefined where the weights came from no file. */
  readonly weightsHash?: string;
  /** Whether it is in training mode. */
  readonly training: boolean;
  /**
   * Encodes references, once for many frames.
   *
   * @param references float32 `[1 or n, height, width, references * 3]`, channel = frame * 3 + colour; borrowed.
   * @returns tensors that the caller disposes.
   */
  encodeReferences(references: tf.Tensor4D): EncodedReferences;
  /**
   * Generates frames from encoded references.
   *
   * @param masked float32 `[n, height, width, 3]`, the hidden part black; borrowed.
   * @param references of `encodeReferences`, of one row or n; borrowed.
   * @param audio float32 `[n, bins, steps]`; borrowed.
   * @returns float32 `[n, height, width, 3]`, the whole face image. The caller disposes it.
   */
  generate(masked: tf.Tensor4D, references: EncodedReferences, audio: tf.Tensor3D): tf.Tensor4D;
  /**
   * Both at once, for training.
   *
   * @param references float32 `[n, height, width, references * 3]`, borrowed.
   * @returns float32 `[n, height, width, 3]`. The caller disposes it.
   */
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D;
  /** Sets training mode, or with `false` evaluation mode. */
  train(mode?: boolean): this;
  /** The same as `train(false)`. */
  eval(): this;
  /** Number of trained values. */
  parameterCount(): number;
  /** Frees the weights. Safe to call twice. */
  dispose(): void;
}
