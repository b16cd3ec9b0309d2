import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { type ResizeRule, resizeImages } from '../image/resize-images';
import { INCEPTION_FEATURES, type InceptionFeatures, type InceptionFid } from '../networks/inception-fid';
import type { FrechetMoments } from './frechet-moments';
import { type FrechetScore, type FrechetSet, FrechetSets } from './frechet-sets';
import type { FrechetStatistics } from './frechet-statistics';

/**
 * How programs prepare images for the network; their values differ.
 * - `pytorch-fid`: floats, PyTorch's bilinear without antialiasing, `2 x - 1`. Wav2Lip's table is of this one.
 * - `torch-fidelity`: 8-bit images, TensorFlow 1's bilinear, `(x - 128) / 128`; torchmetrics with `antialias=False`.
 * - `torchmetrics`: 8-bit images, PyTorch's antialiased bilinear, `(x - 128) / 128`: its default.
 */
export type FidPreprocessing = 'pytorch-fid' | 'torch-fidelity' | 'torchmetrics';

const RULES: Record<FidPreprocessing, { resize: ResizeRule; eightBits: boolean }> = {
  'pytorch-fid': { resize: 'bilinear', eightBits: false },
  'torch-fidelity': { resize: 'bilinear-tf1', eightBits: true },
  torchmetrics: { resize: 'bilinear-antialias', eightBits: true },
};

/** How images are prepared before Inception, which decides what a FID can be compared with. */
export type FidProtocol = {
  network: 'Inception-v3 of 2015-12-05';
  /** 2048 for FID proper, other depths give other metrics. */
  features: InceptionFeatures;
  preprocessing: FidPreprocessing;
  /** Pixels on a side of the network's input; 299 for FID proper. */
  size: number;
};

export type FidScorerOptions = {
  /** With pytorch-fid's weights; borrowed. */
  network: InceptionFid;
  /** Default 2048; 64, 192 and 768 are other figures, for few samples. */
  features?: InceptionFeatures;
  /** Default `pytorch-fid`. */
  preprocessing?: FidPreprocessing;
  /** Pixels on a side. Default 299; others are for tests. */
  size?: number;
  /** Images that go through the network at a time. Default 16. */
  batchSize?: number;
  /** Statistics of the real images, as from `momentsFromArrays`, instead of the images. */
  real?: FrechetMoments;
};

/**
 * Images as the network takes them.
 *
 * @param images float32 `[batch, height, width, 3]`, RGB in 0..1.
 * @param size Pixels on a side. Default 299.
 * @returns float32 `[batch, size, size, 3]` in -1..1. The caller disposes it.
 * @example
 * const input = fidInput(images, 'torchmetrics'); // [batch, 299, 299, 3]
 */
export function fidInput(
  images: tf.Tensor4D,
  preprocessing: FidPreprocessing = 'pytorch-fid',
  size = 299,
): tf.Tensor4D {
  const { resize, eightBits } = RULES[preprocessing];
  return tf.tidy(() => {
    if (!eightBits) return tf.sub<tf.Tensor4D>(tf.mul(resizeImages(images, [size, size], resize), 2), 1);
    const bytes = tf.round(tf.mul<tf.Tensor4D>(images, 255));
    return tf.div<tf.Tensor4D>(tf.sub(resizeImages(bytes, [size, size], resize), 128), 128);
  });
}

/**
 * Fréchet inception distance of two sets of images: lower is better, 0 for equal sets, no upper end.
 *
 * `|m_r - m_g|² + Tr(S_r + S_g - 2 (S_r S_g)^½)` of the network's features, means and covariances in float64.
 *
 * Source: Heusel et al. 2017 (arXiv:1706.08500), in pytorch-fid's way by default. Relative difference from PyTorch,
 * NumPy and SciPy on random weights: 1e-6, see the test. All images of both sets must be of one size: cut both alike.
 * Wav2Lip's protocol takes every face of the real and of the generated videos.
 *
 * Memory: 34 MB of statistics; `compute` takes 300 MB and 20 seconds for 2048 features.
 *
 * @example
 * const fid = new FidScorer({ network });
 * for await (const { real, generated } of batches) {
 *   await fid.update(real, 'real');
 *   await fid.update(generated, 'generated');
 * }
 * console.log(formatScore(fid.compute()));
 */
export class FidScorer {
  readonly protocol: FidProtocol;
  readonly #network: InceptionFid;
  readonly #batchSize: number;
  readonly #sets: FrechetSets;

  /** @throws TypeError or RangeError for options that are not there. */
  constructor(options: FidScorerOptions) {
    const { network, features = 2048, preprocessing = 'pytorch-fid', size = 299, batchSize = 16, real } = options;
    if (!INCEPTION_FEATURES.includes(features))
      fail(RangeError, 'FidScorer', 'features', INCEPTION_FEATURES.join(', '), features);
    if (!Object.hasOwn(RULES, preprocessing))
      fail(TypeError, 'FidScorer', 'preprocessing', Object.keys(RULES).join(', '), preprocessing);
    for (const [name, value] of Object.entries({ size, batchSize })) {
      if (!(Number.isSafeInteger(value) && value >= 1))
        fail(RangeError, 'FidScorer', name, 'a whole number from 1', value);
    }
    this.protocol = { network: 'Inception-v3 of 2015-12-05', features, preprocessing, size };
    this.#network = network;
    this.#batchSize = batchSize;
    this.#sets = new FrechetSets('FidScorer', 'fid', features, { real });
  }

  /**
   * Adds images to a set.
   *
   * @param images float32 `[batch, height, width, 3]`, RGB in 0..1; borrowed.
   * @throws TypeError for another shape or a size other than before, RangeError for values outside 0..1.
   */
  async update(images: tf.Tensor4D, set: FrechetSet): Promise<void> {
    await this.#sets.assertSamples(images, [undefined, undefined, undefined, 3], '[batch, height, width, 3]', set);
    const { features, preprocessing, size } = this.protocol;
    for (let first = 0; first < images.shape[0]; first += this.#batchSize) {
      const rows = tf.tidy(() => {
        const count = Math.min(this.#batchSize, images.shape[0] - first);
        const some = tf.slice(images, [first, 0, 0, 0], [count, -1, -1, -1]);
        return this.#network.forward(fidInput(some, preprocessing, size), features);
      });
      await this.#sets.add(rows, set);
    }
  }

  /** The statistics of a set so far; its `moments` can be stored and given to a later scorer as `real`. */
  statistics(set: FrechetSet): FrechetStatistics {
    return this.#sets.statistics(set);
  }

  /**
   * The distance of both sets so far. Blocks: 20 seconds for 2048 features.
   *
   * @throws Error while a set has fewer than two images.
   */
  compute(): FrechetScore<FidProtocol> {
    const { network, features, preprocessing, size } = this.protocol;
    const convention = `${network}, ${features} features, resized to ${size} as ${preprocessing} does, covariance by N - 1`;
    return this.#sets.score(convention, this.protocol);
  }

  /** Starts afresh; statistics that were given stay. */
  reset(): void {
    this.#sets.reset();
  }
}
