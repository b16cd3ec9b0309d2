import type { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { AutoencoderKL } from '../network/autoencoder';
import { latentDivergence, sampleLatents } from '../network/latent-distribution';

export type AutoencoderLossOptions = {
  /** Draws the latents that are decoded. */
  random: Random;
  /** Factor of the divergence. Default 1e-6, that of latent diffusion. */
  divergenceWeight?: number;
};

/**
 * The loss that trains an autoencoder: mean squared error of the images that are decoded from drawn latents, plus
 * `divergenceWeight` times `latentDivergence`.
 *
 * Source: latent diffusion; `sd-vae-ft-mse` was fine-tuned on the squared error with a perceptual term of a tenth, which
 * is left to the caller.
 *
 * @param images float32 `[n, height, width, 3]`, RGB in -1..1; borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @example
 * const { value, gradients } = valueAndGradients(net, () => autoencoderLoss(net, images, { random })); // of @lipsync/nn
 */
export function autoencoderLoss(
  net: AutoencoderKL,
  images: tf.Tensor4D,
  { random, divergenceWeight = 1e-6 }: AutoencoderLossOptions,
): tf.Scalar {
  return tf.tidy(() => {
    const distribution = net.encode(images);
    const decoded = net.decode(sampleLatents(distribution, random));
    const error = tf.mean(tf.squaredDifference(decoded, images));
    return tf.add(error, tf.mul(latentDivergence(distribution), divergenceWeight)) as tf.Scalar;
  });
}
