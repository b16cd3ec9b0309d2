import { fail } from '@lipsync/contracts';
import { type ImageFeatures, type PerceptualRecipe, perceptualDistance, VGG16_PERCEPTUAL } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { MetricScore } from '../metric-description';
import { RunningMean } from '../running-mean';
import { assertRange, type ValueRange } from './image';
import { tensorRange } from './tensor-range';

export type VggDistanceOptions = {
  /** The values of black and white in the images. Never guessed. */
  range: ValueRange;
  /** Network, layers, norm and scales. Default `VGG16_PERCEPTUAL`; `DINET_PERCEPTUAL` is DINet's loss. */
  recipe?: PerceptualRecipe;
};

/**
 * Perceptual distance of pairs of images by a VGG network: `perceptualDistance` of `@lipsync/nn`, with the values
 * checked first.
 *
 * Values of different recipes cannot be compared, nor with LPIPS. Images are not resized.
 *
 * @param network With weights, of the recipe's architecture; borrowed.
 * @param real float32 `[batch, height, width, 3]`, RGB in `range`; borrowed, as is `generated`.
 * @returns float32 `[pairs]`, 0 for equal images (nearly 0 with DINet's two filters).
 * @throws RangeError for values outside of the range; TypeError for another network or shape.
 * @example
 * const network = new ImageFeatures('vgg16');
 * network.loadStateDict((await readStateDict('vgg16-397923af.pth')).state);
 * const [distance] = await vggDistance(network, real, generated, { range: [0, 1] });
 */
export async function vggDistance(
  network: ImageFeatures,
  real: tf.Tensor4D,
  generated: tf.Tensor4D,
  options: VggDistanceOptions,
): Promise<Float32Array> {
  return measure('vggDistance', network, real, generated, options);
}

async function measure(
  where: string,
  network: ImageFeatures,
  real: tf.Tensor4D,
  generated: tf.Tensor4D,
  { range, recipe = VGG16_PERCEPTUAL }: VggDistanceOptions,
): Promise<Float32Array> {
  assertRange(where, range);
  await tensorRange(where, real, generated, range);
  const [low, high] = range;
  const fromZero = (x: tf.Tensor4D) => tf.div<tf.Tensor4D>(tf.sub(x, low), high - low);
  const result = tf.tidy(() => perceptualDistance(fromZero(real), fromZero(generated), { network, recipe }));
  try {
    const distances = Float32Array.from(await result.data());
    const bad = distances.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      fail(RangeError, where, 'real and generated', 'finite values', `a distance of ${distances[bad]} for pair ${bad}`);
    return distances;
  } finally {
    result.dispose();
  }
}

/**
 * Perceptual distance over many pairs: the mean of theirs. Holds no tensor between calls; the network is borrowed.
 *
 * @example
 * const scorer = new VggDistanceScorer(network, { range: [0, 1] });
 * await scorer.update(real, generated); // [batch, height, width, 3] each
 * console.log(formatScore(scorer.compute()));
 */
export class VggDistanceScorer {
  readonly #network: ImageFeatures;
  readonly #options: VggDistanceOptions;
  readonly #mean = new RunningMean();

  constructor(network: ImageFeatures, options: VggDistanceOptions) {
    assertRange('VggDistanceScorer', options.range);
    const { architecture } = options.recipe ?? VGG16_PERCEPTUAL;
    if (network.architecture !== architecture)
      fail(TypeError, 'VggDistanceScorer', 'network', architecture, network.architecture);
    this.#network = network;
    this.#options = options;
  }

  /**
   * Takes a batch of pairs, borrowed; await each call.
   *
   * @returns their distances.
   */
  async update(real: tf.Tensor4D, generated: tf.Tensor4D): Promise<Float32Array> {
    const distances = await measure('VggDistanceScorer.update', this.#network, real, generated, this.#options);
    for (const distance of distances) this.#mean.add(distance);
    return distances;
  }

  /** @throws Error before the first pair. */
  compute(): MetricScore {
    const { architecture, layers, distance, combine, scales } = this.#options.recipe ?? VGG16_PERCEPTUAL;
    const norm = distance === 'l1' ? 'absolute' : 'squared';
    return {
      metric: 'vgg-distance',
      value: this.#mean.mean('VggDistanceScorer.compute'),
      samples: this.#mean.count,
      convention:
        `${architecture}, layers ${layers.join(', ')} of torchvision's features: mean ${norm} difference of each, ` +
        `${combine} over layers${scales === 'full' ? '' : ' and two scales'}, RGB, images at their own size`,
      notes: [],
    };
  }

  reset(): void {
    this.#mean.reset();
  }
}
