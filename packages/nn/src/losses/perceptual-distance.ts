import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { type ImageArchitecture, type ImageFeatures, imagenetNormalised } from './image-features';

/** Settings of a perceptual distance. Values of different recipes cannot be compared. */
export type PerceptualRecipe = Readonly<{
  architecture: ImageArchitecture;
  /** Indices in torchvision's `features`. */
  layers: readonly number[];
  /** Distance of one layer: mean over positions and channels of `|a - b|` or of `(a - b)²`. */
  distance: 'l1' | 'squared';
  /** How layers and scales are combined. */
  combine: 'sum' | 'mean';
  /**
   * `full and half`: DINet's second scale, for which the generated image is averaged over 3 x 3 pixels, the real one
   * over 2 x 2.
   */
  scales: 'full' | 'full and half';
}>;

/** DINet's loss: L1 on VGG-19 at relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, mean over the layers at two scales. */
export const DINET_PERCEPTUAL: PerceptualRecipe = Object.freeze({
  architecture: 'vgg19',
  layers: [1, 6, 11, 20, 29],
  distance: 'l1',
  combine: 'mean',
  scales: 'full and half',
});

/**
 * The coursework's distance: mean squared differences of middle and high layers of VGG-16, summed over the layers. It
 * does not name them: relu3_3, relu4_3 and relu5_3 are our choice.
 */
export const VGG16_PERCEPTUAL: PerceptualRecipe = Object.freeze({
  architecture: 'vgg16',
  layers: [15, 22, 29],
  distance: 'squared',
  combine: 'sum',
  scales: 'full',
});

/**
 * Distance of images in the features of a network trained on ImageNet. Differentiable; as a loss, take its mean over
 * the batch.
 *
 * Images are normalised by ImageNet's mean and deviation. Source: DINet's loss, with its different filters for the
 * second scale (means over 3 x 3 pixels with stride 2 for the generated image, padding not counted; bilinear by one
 * half for the real image). Largest difference from PyTorch with generated weights 2e-6 of the value and 3e-6 of the
 * largest gradient, except where rounding changes a sign (see `ImageFeatures`).
 *
 * @param real float32 `[batch, height, width, 3]`, RGB in 0..1 (the range is not checked, which would wait for the
 *   backend). Even sides where there is a second scale.
 * @param generated of the same shape and range.
 * @param options `network`: with weights, of the recipe's architecture; borrowed.
 * @returns float32 `[batch]`. The caller disposes it.
 * @throws TypeError for another network or shape.
 * @example
 * const loss = tf.mean(perceptualDistance(real, generated, { network: vgg19, recipe: DINET_PERCEPTUAL }));
 */
export function perceptualDistance(
  real: tf.Tensor4D,
  generated: tf.Tensor4D,
  { network, recipe }: { network: ImageFeatures; recipe: PerceptualRecipe },
): tf.Tensor1D {
  const { architecture, layers, distance, combine, scales } = recipe;
  const where = 'perceptualDistance';
  if (network.architecture !== architecture) fail(TypeError, where, 'network', architecture, network.architecture);
  if (real.rank !== 4 || real.shape[3] !== 3)
    fail(TypeError, where, 'real', 'of shape [batch, height, width, 3]', real.shape);
  if (real.shape.join() !== generated.shape.join())
    fail(TypeError, where, 'generated', `of shape [${real.shape.join(', ')}]`, generated.shape);
  const twice = scales === 'full and half';
  if (twice && (real.shape[1] % 2 !== 0 || real.shape[2] % 2 !== 0)) {
    fail(TypeError, where, 'real', 'of even height and width for its second scale', real.shape);
  }
  return tf.tidy(() => {
    const pairs = [[real, generated], ...(twice ? [[halved(real), halvedSmoothly(generated)]] : [])];
    const terms = pairs.flatMap(([left, right]) => {
      const [wanted, got] = [left, right].map((image) => network.forward(imagenetNormalised(image), layers));
      return wanted.map((features, i) => {
        const difference = tf.sub(features, got[i]);
        return tf.mean<tf.Tensor1D>(distance === 'l1' ? tf.abs(difference) : tf.square(difference), [1, 2, 3]);
      });
    });
    const total = terms.reduce((sum, term) => tf.add(sum, term));
    return combine === 'sum' ? total : tf.div<tf.Tensor1D>(total, terms.length);
  });
}

/** PyTorch's bilinear interpolation by one half, corners not aligned: means over 2 x 2 pixels. */
function halved(image: tf.Tensor4D): tf.Tensor4D {
  return tf.avgPool(image, 2, 2, 'valid');
}

/** Means over those of 3 x 3 pixels that are inside, stride 2; by padding with zeros, which is differentiable. */
function halvedSmoothly(image: tf.Tensor4D): tf.Tensor4D {
  const around = (x: tf.Tensor4D) =>
    tf.avgPool(
      tf.pad(x, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ]),
      3,
      2,
      'valid',
    );
  const [, height, width] = image.shape;
  return tf.div<tf.Tensor4D>(around(image), around(tf.ones([1, height, width, 1])));
}
