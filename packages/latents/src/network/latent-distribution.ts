import type { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** A Gaussian for each number of a latent. Both tensors are the caller's to dispose. */
export type LatentDistribution = {
  /** float32 `[n, height, width, channels]`. */
  readonly mean: tf.Tensor4D;
  /** float32, the same shape: the natural logarithm of the variance, within -30..20. */
  readonly logVariance: tf.Tensor4D;
};

/**
 * Draws latents: `mean + exp(logVariance / 2) · noise`. Its gradient reaches mean and log variance.
 *
 * Source: diffusers, `DiagonalGaussianDistribution.sample`; equal for the same noise.
 *
 * @param random draws the noise, standard normal, in the order of the latents' memory.
 * @returns float32 `[n, height, width, channels]`. The caller disposes it.
 * @example
 * const latents = sampleLatents(net.encode(images), new Random(7));
 */
export function sampleLatents({ mean, logVariance }: LatentDistribution, random: Random): tf.Tensor4D {
  const noise = Float32Array.from({ length: mean.size }, () => random.normal());
  return tf.tidy(() => tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), tf.tensor4d(noise, mean.shape))));
}

/**
 * Kullback-Leibler divergence of the latents of an image from the standard normal, summed over an image's latents and
 * averaged over images: `½ · sum (mean² + exp(logVariance) - 1 - logVariance)`.
 *
 * Source: diffusers, `DiagonalGaussianDistribution.kl`; largest difference 1e-6 of the value.
 *
 * @returns float32 scalar. The caller disposes it.
 * @example
 * const value = latentDivergence(net.encode(images));
 */
export function latentDivergence({ mean, logVariance }: LatentDistribution): tf.Scalar {
  return tf.tidy(() => {
    const terms = tf.sub(tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), 1), logVariance);
    return tf.mul(tf.sum(terms), 0.5 / mean.shape[0]) as tf.Scalar;
  });
}
