import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A discriminator's loss: `½ mean (D(real) - 1)² + ½ mean D(generated)²`, over all places of the score maps.
 *
 * Source: least-squares GAN (Mao et al. 2017) as in DINet's code and the thesis. Largest relative difference from
 * PyTorch 1.13 below 2e-6, see the test of the generator's training step.
 *
 * @param real float32 score map of real frames, any rank, raw (no sigmoid); borrowed.
 * @param generated float32 score map of generated frames, any rank; borrowed.
 * @returns float32 scalar, 0 at best, 0.25 where every score is one half. The caller disposes it.
 * @throws TypeError for a map without places.
 * @example
 * const loss = lsganDiscriminatorLoss(discriminator.forward(real), discriminator.forward(generated));
 */
export function lsganDiscriminatorLoss(real: tf.Tensor, generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.mul<tf.Scalar>(tf.add(towards(real, 1), towards(generated, 0)), 0.5));
}

/**
 * The generator's loss by a discriminator: `mean (D(generated) - 1)²`, over all places of the score map.
 *
 * Source: as `lsganDiscriminatorLoss`; without a factor of one half, as in DINet's code.
 *
 * @param generated float32 score map of generated frames, any rank, raw; borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError for a map without places.
 * @example
 * const loss = lsganGeneratorLoss(discriminator.forward(generated));
 */
export function lsganGeneratorLoss(generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => towards(generated, 1));
}

/** Mean square of scores, of any rank, minus the target. */
function towards(scores: tf.Tensor, target: 0 | 1): tf.Scalar {
  if (scores.size === 0) fail(TypeError, 'lsgan', 'scores', 'a map with places', scores.shape);
  return tf.mean<tf.Scalar>(tf.square(target === 0 ? scores : tf.sub(scores, target)));
}
