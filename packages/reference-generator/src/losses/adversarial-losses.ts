import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/** `log(1 + exp x)`, composed so that it neither overflows nor needs a kernel that a backend lacks; any rank. */
function softplus(x: tf.Tensor): tf.Tensor {
  return tf.add(tf.relu(x), tf.log(tf.add(tf.exp(tf.neg(tf.abs(x))), 1)));
}

/**
 * The generator's loss by the discriminator (formula 13): the mean of `softplus(-D(generated))`, which is `-log
 * sigmoid(D(generated))` (formula 10).
 *
 * Relative difference from PyTorch below 1e-6, see the test.
 *
 * @param scores float32 `[n]`, raw scores of generated windows, borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError for no score.
 * @example
 * const loss = adversarialLoss(discriminator.forward(windows));
 */
export function adversarialLoss(scores: tf.Tensor1D): tf.Scalar {
  if (scores.size === 0) fail(TypeError, 'adversarialLoss', 'scores', 'of at least one window', scores.shape);
  return tf.tidy(() => tf.mean<tf.Scalar>(softplus(tf.neg(scores))));
}

/** Options of `discriminatorLoss`. */
export type DiscriminatorLossOptions = {
  /** float32 `[n, height, width, channels]`, borrowed. */
  real: tf.Tensor4D;
  /** float32 `[m, height, width, channels]`, borrowed; no gradient reaches the generator through it. */
  generated: tf.Tensor4D;
  /** Factor of R1; 0 leaves it out. Default 10. */
  gamma?: number;
  /** The windows on which the slope of the scores is penalised; the coursework prints `generated`. Default `real`. */
  penalised?: 'real' | 'generated';
};

/** Terms of the discriminator's loss, float32 scalars. */
export type DiscriminatorLoss = {
  /** The sum. */
  total: tf.Scalar;
  /** Mean of `softplus(-D(real))`. */
  real: tf.Scalar;
  /** Mean of `softplus(D(generated))`. */
  generated: tf.Scalar;
  /** `γ/2` times the mean over windows of the squared length of the slope of their score. */
  r1: tf.Scalar;
};

/**
 * The discriminator's loss (formula 14): `softplus(-D(real)) + softplus(D(generated)) + γ/2 ‖∇D‖²`, means over windows.
 *
 * Without the last term that is the binary cross-entropy of formula 11 as it should read, `-log D(real) - log(1 -
 * D(generated))`. R1 (Mescheder et al. 2018) penalises the slope at real windows.
 *
 * Its gradient by the weights is of second order: every operation of the discriminator needs a gradient that has one
 * itself. Those of `WindowDiscriminator` and `changeWindows` do, on the backends wasm and cpu (others:
 * not run). Largest difference from PyTorch in float64: see the test.
 *
 * @param score the discriminator, with its augmentation: called once with real and once with generated windows.
 * @returns the terms. The caller disposes them.
 * @throws RangeError for a gamma below 0.
 * @example
 * const { value, gradients } = valueAndGradients(discriminator, () =>
 *   discriminatorLoss((x) => discriminator.forward(x), { real, generated }).total);
 */
export function discriminatorLoss(
  score: (windows: tf.Tensor4D) => tf.Tensor1D,
  { real, generated, gamma = 10, penalised = 'real' }: DiscriminatorLossOptions,
): DiscriminatorLoss {
  if (!(gamma >= 0 && Number.isFinite(gamma))) fail(RangeError, 'discriminatorLoss', 'gamma', 'a number from 0', gamma);
  return tf.tidy(() => {
    const [ofReal, ofGenerated] = (['real', 'generated'] as const).map((which) => {
      const windows = which === 'real' ? real : generated;
      return gamma > 0 && penalised === which
        ? withSlope(score, windows)
        : { scores: score(windows), slope: undefined };
    });
    const terms = {
      real: tf.mean<tf.Scalar>(softplus(tf.neg(ofReal.scores))),
      generated: tf.mean<tf.Scalar>(softplus(ofGenerated.scores)),
      r1: tf.mul<tf.Scalar>(ofReal.slope ?? ofGenerated.slope ?? tf.scalar(0), gamma / 2),
    };
    return { total: tf.addN([terms.real, terms.generated, terms.r1]), ...terms };
  });
}

/** Scores of windows, and the mean over windows of the squared length of the slope of the score. */
function withSlope(score: (windows: tf.Tensor4D) => tf.Tensor1D, windows: tf.Tensor4D) {
  // Without a given slope of the result, that of the sum over windows, which do not mix.
  const { value, grad } = tf.valueAndGrad((x) => score(x as tf.Tensor4D))(windows);
  return { scores: value, slope: tf.div<tf.Scalar>(tf.sum(tf.square(grad)), windows.shape[0]) };
}
