import { fail } from '@lipsync/contracts';
import { DINET_PERCEPTUAL, type ImageFeatures, perceptualDistance } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A perceptual distance of two batches of frames `[n, height, width, 3]`, RGB in 0..1: a float32 scalar, differentiable
 * by both.
 */
export type PerceptualLoss = (real: tf.Tensor4D, generated: tf.Tensor4D) => tf.Scalar;

/** The factor of each term of the generator's loss; 0 leaves the term out. */
export type DinetWeights = {
  /** `dinetPerceptual`. */
  perceptual: number;
  /** `lsganGeneratorLoss`, of each discriminator. */
  gan: number;
  /** `generatorSyncLoss` of `@lipsync/avalignnet`. */
  sync: number;
  /** `imageLoss`. */
  image: number;
};

/** The thesis's weights. DINet's own training has no image loss: `{ ...DINET_WEIGHTS, image: 0 }`. */
export const DINET_WEIGHTS: DinetWeights = Object.freeze({ perceptual: 10, gan: 1, sync: 0.1, image: 1 });

/**
 * Mean squared difference of the frames, the loss that the thesis adds: `mean (generated - real)²`.
 *
 * @param real float32 `[n, height, width, 3]`, borrowed.
 * @param generated float32 `[n, height, width, 3]`, borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError if the shapes differ.
 * @example
 * const loss = imageLoss(real, generated);
 */
export function imageLoss(real: tf.Tensor4D, generated: tf.Tensor4D): tf.Scalar {
  if (real.shape.join() !== generated.shape.join()) {
    fail(TypeError, 'imageLoss', 'generated', `of shape [${real.shape.join(', ')}]`, generated.shape);
  }
  return tf.tidy(() => tf.mean<tf.Scalar>(tf.squaredDifference(real, generated)));
}

/**
 * DINet's perceptual loss: the mean over the batch of `perceptualDistance` with `DINET_PERCEPTUAL`, by a VGG-19 that
 * the caller has weights for.
 *
 * @param network VGG-19 with ImageNet's weights; borrowed for as long as the result is used.
 * @returns the loss, for real and generated frames float32 `[n, height, width, 3]`, RGB in 0..1.
 * @throws TypeError for another network.
 * @example
 * const network = new ImageFeatures('vgg19');
 * network.loadStateDict((await readStateDict('vgg19-dcbb9e9d.pth')).state); // torchvision's
 * const perceptual = dinetPerceptual(network);
 */
export function dinetPerceptual(network: ImageFeatures): PerceptualLoss {
  if (network.architecture !== DINET_PERCEPTUAL.architecture) {
    fail(TypeError, 'dinetPerceptual', 'network', DINET_PERCEPTUAL.architecture, network.architecture);
  }
  return (real, generated) =>
    tf.tidy(() => tf.mean<tf.Scalar>(perceptualDistance(real, generated, { network, recipe: DINET_PERCEPTUAL })));
}
