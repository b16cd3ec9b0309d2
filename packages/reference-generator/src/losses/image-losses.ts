import { fail } from '@lipsync/contracts';
import { type ImageFeatures, perceptualDistance, VGG16_PERCEPTUAL } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { stopGradient } from '../network/blend';

/** Frames `[n, height, width, 3]` of one shape, and a mask of them. */
function assertFrames(where: string, generated: tf.Tensor4D, real: tf.Tensor4D, mask?: tf.Tensor4D): void {
  if (generated.rank !== 4 || generated.shape.join() !== real.shape.join())
    fail(TypeError, where, 'real', `of shape [${generated.shape.join(', ')}]`, real.shape);
  const wanted = [...generated.shape.slice(0, 3), 1];
  if (mask && mask.shape.join() !== wanted.join())
    fail(TypeError, where, 'mask', `of shape [${wanted.join(', ')}]`, mask.shape);
}

/**
 * Mean absolute difference inside the mask (formula 6): `Σ M |generated - real| / Σ M`, summed over the colours. No
 * gradient reaches the mask.
 *
 * Source: the coursework, whose M is the predicted mask. Relative difference from PyTorch below 1e-6, see the test.
 *
 * @param generated float32 `[n, height, width, 3]`, RGB 0..1, borrowed.
 * @param real float32 like `generated`, borrowed.
 * @param mask float32 `[n, height, width, 1]`, 0..1, borrowed: the predicted one, or the fixed one without a mask head.
 * @returns float32 scalar, 0..3. The caller disposes it.
 * @throws TypeError if the shapes do not fit.
 * @example
 * const loss = maskedL1(image, frames, mask);
 */
export function maskedL1(generated: tf.Tensor4D, real: tf.Tensor4D, mask: tf.Tensor4D): tf.Scalar {
  assertFrames('maskedL1', generated, real, mask);
  return tf.tidy(() => {
    const fixed = stopGradient(mask);
    const difference = tf.sum(tf.mul(fixed, tf.abs(tf.sub(generated, real))));
    return tf.div<tf.Scalar>(difference, tf.maximum(tf.sum(fixed), 1e-6)); // an empty mask: 0, not NaN
  });
}

/**
 * The perceptual loss (formula 7) by a VGG-16 that the caller has weights for: the mean over the batch of
 * `perceptualDistance` with `VGG16_PERCEPTUAL`.
 *
 * @param network VGG-16 with ImageNet's weights; borrowed for as long as the result is used.
 * @returns the loss, for generated and real frames float32 `[n, height, width, 3]`, RGB 0..1; a scalar.
 * @throws TypeError for another network.
 * @example
 * const network = new ImageFeatures('vgg16');
 * network.loadStateDict((await readStateDict('vgg16-397923af.pth')).state); // torchvision's
 * const perceptual = vggPerceptual(network);
 */
export function vggPerceptual(network: ImageFeatures): (generated: tf.Tensor4D, real: tf.Tensor4D) => tf.Scalar {
  if (network.architecture !== VGG16_PERCEPTUAL.architecture)
    fail(TypeError, 'vggPerceptual', 'network', VGG16_PERCEPTUAL.architecture, network.architecture);
  return (generated, real) => {
    assertFrames('vggPerceptual', generated, real);
    return tf.tidy(() =>
      tf.mean<tf.Scalar>(perceptualDistance(real, generated, { network, recipe: VGG16_PERCEPTUAL })),
    );
  };
}

/** Least distance of a predicted mask from 0 and 1 in the logarithms: its loss and its gradient stay finite. */
const SATURATION = 1e-7;

/**
 * Binary cross-entropy of the predicted mask (formula 9): the mean over pixels of `-t log m - (1 - t) log(1 - m)`.
 *
 * `m` is kept 1e-7 from 0 and 1. Relative difference from PyTorch below 1e-6, see the test.
 *
 * @param mask float32 `[n, height, width, 1]`, 0..1, borrowed.
 * @param truth float32 like `mask`, 0 or 1, as `groundTruthMask` draws it; borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError if the shapes differ.
 * @example
 * const loss = maskLoss(mask, truth);
 */
export function maskLoss(mask: tf.Tensor4D, truth: tf.Tensor4D): tf.Scalar {
  if (mask.shape.join() !== truth.shape.join())
    fail(TypeError, 'maskLoss', 'truth', `of shape [${mask.shape.join(', ')}]`, truth.shape);
  return tf.tidy(() => {
    const m = tf.clipByValue(mask, SATURATION, 1 - SATURATION);
    const inside = tf.mul(truth, tf.log(m));
    const outside = tf.mul(tf.sub(1, truth), tf.log(tf.sub(1, m)));
    return tf.neg(tf.mean<tf.Scalar>(tf.add(inside, outside)));
  });
}

/**
 * The loss by a frozen sync expert (formula 8): the mean of `-log d`, `d` the cosine clipped to 0.001..1.
 *
 * Below 0.001 the loss is flat and its gradient 0, as in the coursework. Relative difference from PyTorch below 1e-6,
 * see the test.
 *
 * @param cosine float32 `[n]`, the similarity of each window and its audio; borrowed.
 * @returns float32 scalar, 0..6.9. The caller disposes it.
 * @throws TypeError for no window.
 * @example
 * const loss = expertLoss(tf.tensor1d([1, 0.5])); // 0.347
 */
export function expertLoss(cosine: tf.Tensor1D): tf.Scalar {
  if (cosine.rank !== 1 || cosine.size === 0)
    fail(TypeError, 'expertLoss', 'cosine', 'of shape [n], n above 0', cosine.shape);
  return tf.tidy(() => tf.neg(tf.mean<tf.Scalar>(tf.log(tf.clipByValue(cosine, 1e-3, 1)))));
}
