import type * as tf from '@tensorflow/tfjs-core';

/**
 * A tensor whose axis order is written into its type. The label exists only for the compiler: an unlabelled tensor
 * passes, one labelled with another order does not compile.
 *
 * @example
 * type MelBatch = Axes<tf.Tensor4D, 'batch mel time channel'>;
 */
export type Axes<T extends tf.Tensor, Order extends string> = T & { readonly __axes?: Order };

/** Mouth windows for a visual tower, float32 in the recipe's value range; channel index = frame · 3 + colour. */
export type MouthBatch = Axes<tf.Tensor4D, 'batch height width frame-colour'>;

/** Mel windows for an audio tower, float32; mel bin 0 is the lowest frequency. */
export type FeatureBatch = Axes<tf.Tensor4D, 'batch mel time channel'>;

/** One embedding a row, float32. */
export type EmbeddingBatch = Axes<tf.Tensor2D, 'batch embedding'>;
