import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * What a discriminator minimises: `½ mean (D(real) - 1)² + ½ mean D(painted)²`, over all places of the score maps.
 *
 * Source: least-squares GAN (Mao et al. 2017) as DINet's code and the thesis have it. Largest relative difference from PyTorch 1.13 below 2e-6,
 * see the test of `DinetTrainer`.
 *
 * @param real Score map of real frames, float32, raw (no sigmoid); borrowed.
 * @param generated That of painted ones.
 * @returns float32 scalar, 0 at best, 0.25 where it always says one half. The caller disposes it.
 * @example
 * const loss = lsganDiscriminatorLoss(judge.forward(real), judge.forward(painted));
 */
export function lsganDiscriminatorLoss(real: tf.Tensor, generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.mul<tf.Scalar>(tf.add(towards(real, 1), towards(generated, 0)), 0.5));
}

/**
 * What the generator minimises by it: `mean (D(painted) - 1)²`, over all places of the score map.
 *
 * Source: as `lsganDiscriminatorLoss`; no factor one half here, as in DINet's code.
 *
 * @param generated Score map of painted frames, float32, raw; borrowed.
 * @returns float32 scalar. The caller disposes it.
 */
export function lsganGeneratorLoss(generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => towards(generated, 1));
}

function towards(scores: tf.Tensor, target: 0 | 1): tf.Scalar {
  if (scores.size === 0) fail(TypeError, 'lsgan', 'scores', 'a map with places', scores.shape);
  return tf.mean<tf.Scalar>(tf.square(target === 0 ? scores : tf.sub(scores, target)));
}
