import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * The visual-quality discriminator's loss: binary cross-entropy of its scores, with the target 1 for real faces and 0
 * for generated ones, `mean -ln σ(real) + mean -ln(1 - σ(generated))`.
 *
 * Source: Rudrabha/Wav2Lip, whose two backward passes before one step come to this sum. Computed from raw scores, so it
 * does not saturate; equal to the source's otherwise.
 *
 * @param real float32 scores of real faces, raw, any rank; borrowed.
 * @param generated float32 scores of generated faces; borrowed.
 * @returns float32 scalar, 2 ln 2 where nothing is told apart. The caller disposes it.
 * @throws TypeError for no scores.
 * @example
 * const loss = qualityDiscriminatorLoss(discriminator.forward(real), discriminator.forward(generated));
 */
export function qualityDiscriminatorLoss(real: tf.Tensor, generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.add<tf.Scalar>(meanSoftplus(tf.neg(real)), meanSoftplus(generated)));
}

/**
 * The generator's loss by the visual-quality discriminator: `mean -ln σ(generated)`, so that generated faces score as
 * real ones.
 *
 * Source: Rudrabha/Wav2Lip's `perceptual_forward`, which its report calls the perceptual loss; as
 * `qualityDiscriminatorLoss`.
 *
 * @param generated float32 scores of generated faces, raw, any rank; borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError for no scores.
 * @example
 * const loss = qualityGeneratorLoss(discriminator.forward(generated));
 */
export function qualityGeneratorLoss(generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => meanSoftplus(tf.neg(generated)));
}

/** `mean ln(1 + eˣ)`, which is `-ln σ(-x)`; any rank. */
function meanSoftplus(x: tf.Tensor): tf.Scalar {
  if (x.size === 0) fail(TypeError, 'quality loss', 'scores', 'at least one', x.shape);
  return tf.mean<tf.Scalar>(tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x))))));
}

/**
 * LipGAN's contrastive loss of distances between faces and audio: `mean d²` in sync, `mean max(0, margin - d)²` else.
 *
 * Source: LipGAN, with its margin of 1. The discriminator learns true faces with their audio as in sync, true faces
 * with other audio and generated faces as out of sync; the generator is trained by its faces as in sync.
 *
 * @param distances float32 `[n]`, at least 0; borrowed.
 * @param pairs whether the pairs are to be near or far.
 * @param margin distance from which pairs out of sync cost nothing.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError for no distances.
 * @example
 * const loss = lipganContrastiveLoss(discriminator.forward(generated, mel), 'in sync');
 */
export function lipganContrastiveLoss(distances: tf.Tensor1D, pairs: 'in sync' | 'out of sync', margin = 1): tf.Scalar {
  if (distances.rank !== 1 || distances.size === 0)
    fail(TypeError, 'lipganContrastiveLoss', 'distances', 'of shape [n], n above 0', distances.shape);
  return tf.tidy(() => {
    const far = pairs === 'in sync' ? distances : tf.relu(tf.sub(margin, distances));
    return tf.mean<tf.Scalar>(tf.square(far));
  });
}

/**
 * Mean absolute difference of face images, over all of their pixels.
 *
 * Source: PyTorch's `L1Loss`, as in Wav2Lip and LipGAN.
 *
 * @param real float32 `[n, height, width, 3]`, borrowed.
 * @param generated float32 of the same shape, borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError if the shapes differ.
 * @example
 * const loss = absoluteError(real, generated);
 */
export function absoluteError(real: tf.Tensor4D, generated: tf.Tensor4D): tf.Scalar {
  if (real.shape.join() !== generated.shape.join())
    fail(TypeError, 'absoluteError', 'generated', `of shape [${real.shape.join(', ')}]`, generated.shape);
  return tf.tidy(() => tf.mean<tf.Scalar>(tf.abs(tf.sub(generated, real))));
}
