import { fail } from '@lipsync/contracts';
import { DINET_PERCEPTUAL, type ImageFeatures, perceptualDistance } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** How unlike two batches of frames `[n, height, width, 3]`, RGB in 0..1, are to look at: a float32 scalar, differentiable by both. */
export type PerceptualLoss = (real: tf.Tensor4D, generated: tf.Tensor4D) => tf.Scalar;

/** What each term of the generator's loss is multiplied by; 0 leaves it out. */
export type DinetWeights = {
  /** `dinetPerceptual`. */
  perceptual: number;
  /** `lsganGeneratorLoss`, of each discriminator. */
  gan: number;
  /** `generatorSyncLoss`. */
  sync: number;
  /** `imageLoss`. */
  image: number;
};

/** The thesis's. DINet's own training has no image loss: `{ ...DINET_WEIGHTS, image: 0 }`. */
export const DINET_WEIGHTS: DinetWeights = Object.freeze({ perceptual: 10, gan: 1, sync: 0.1, image: 1 });

/**
 * Mean squared difference of the frames: the thesis's added loss.
 *
 * @param real float32 `[n, height, width, 3]`, borrowed.
 * @param generated The same shape.
 * @returns float32 scalar. The caller disposes it.
 */
export function imageLoss(real: tf.Tensor4D, generated: tf.Tensor4D): tf.Scalar {
  if (real.shape.join() !== generated.shape.join())
    fail(TypeError, 'imageLoss', 'painted', `of shape [${real.shape.join(', ')}]`, generated.shape);
  return tf.tidy(() => tf.mean<tf.Scalar>(tf.squaredDifference(real, generated)));
}

/**
 * DINet's perceptual loss by a VGG-19 that the caller has weights for: the mean of `perceptualDistance` by `DINET_PERCEPTUAL`.
 *
 * @param network VGG-19 with ImageNet's weights; borrowed for as long as the result is used.
 * @example
 * const network = new PictureFeatures('vgg19');
 * network.loadStateDict(state); // torchvision's vgg19, `features.*`
 * const trainer = new DinetTrainer({ generator, frameDiscriminator, perceptual: dinetPerceptual(network) });
 */
export function dinetPerceptual(network: ImageFeatures): PerceptualLoss {
  if (network.architecture !== DINET_PERCEPTUAL.architecture) {
    fail(TypeError, 'dinetPerceptual', 'network', DINET_PERCEPTUAL.architecture, network.architecture);
  }
  return (real, generated) =>
    tf.tidy(() => tf.mean<tf.Scalar>(perceptualDistance(network, real, generated, DINET_PERCEPTUAL)));
}
