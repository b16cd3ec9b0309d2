import type * as tf from '@tensorflow/tfjs-core';

/**
 * A tensor whose axis order is written into its type. The label exists only for the compiler: an unlabelled tensor
 * passes, one labelled with another order does not compile.
 *
 * @example
 * type Images = Axes<tf.Tensor4D, 'batch height width channel'>;
 */
export type Axes<T extends tf.Tensor, Order extends string> = T & { readonly __axes?: Order };

/**
 * Mouth windows for a visual tower: float32 `[batch, height, width, frameCount * 3]` in the recipe's range; channel =
 * frame · 3 + colour.
 */
export type MouthBatch = Axes<tf.Tensor4D, 'batch height width frame-colour'>;

/** Feature windows for an audio tower: float32 `[batch, bins, featureSteps, 1]`; bin 0 is the lowest frequency. */
export type FeatureBatch = Axes<tf.Tensor4D, 'batch bin time channel'>;

/** Embeddings: float32 `[batch, embeddingSize]`. */
export type EmbeddingBatch = Axes<tf.Tensor2D, 'batch embedding'>;
