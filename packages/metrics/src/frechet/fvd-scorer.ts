import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { RESIZE_RULES, type ResizeRule, resizeImages } from '../image/resize-images';
import { type I3D, I3D_LOGITS } from '../networks/i3d';
import type { FrechetMoments } from './frechet-moments';
import { type FrechetScore, type FrechetSet, FrechetSets } from './frechet-sets';
import type { FrechetStatistics } from './frechet-statistics';

/** How clips are prepared before I3D, which decides what an FVD can be compared with. */
export type FvdProtocol = {
  name: string;
  network: 'I3D (Kinetics-400) logits';
  /** Frames of a clip. */
  frameCount: number;
  /** Pixels on a side of the network's input. */
  size: number;
  /** How other sizes are resized. */
  resize: ResizeRule;
  /** Whether resized images are rounded to 8 bits. */
  eightBits: boolean;
  /** Value range of the network's input; it was trained on -1..1. */
  range: '[-1,1]' | '[0,1]';
  /** How the clips are taken from videos; the caller's part. */
  clips: string;
};

/**
 * How FVD is measured in published work; values of different protocols cannot be compared.
 * - `unterthiner`: the authors' program: TensorFlow 1's bilinear, -1..1.
 * - `stylegan-v`: the shared TorchScript I3D with `rescale` and `resize`: PyTorch's bilinear, -1..1.
 * - `latentsync`: face boxes by OpenCV's area rule in 8 bits, and 0..1 where the network expects -1..1.
 *
 * @example
 * const scorer = new FvdScorer({ network, protocol: FVD_PROTOCOLS.latentsync });
 */
export const FVD_PROTOCOLS = Object.freeze({
  unterthiner: {
    name: 'unterthiner',
    network: 'I3D (Kinetics-400) logits',
    frameCount: 16,
    size: 224,
    resize: 'bilinear-tf1',
    eightBits: false,
    range: '[-1,1]',
    clips: '16 frames in a row',
  },
  'stylegan-v': {
    name: 'stylegan-v',
    network: 'I3D (Kinetics-400) logits',
    frameCount: 16,
    size: 224,
    resize: 'bilinear',
    eightBits: false,
    range: '[-1,1]',
    clips: '16 frames in a row; 2048 clips for FVD2048_16f',
  },
  latentsync: {
    name: 'latentsync',
    network: 'I3D (Kinetics-400) logits',
    frameCount: 16,
    size: 224,
    resize: 'area',
    eightBits: true,
    range: '[0,1]',
    clips: 'frames 20 to 35 of each video, the first face box of each frame, not smoothed',
  },
} as const satisfies Record<string, FvdProtocol>);

export type FvdScorerOptions = {
  /** With Kinetics-400 weights; borrowed. */
  network: I3D;
  /** A protocol or its name. Default `stylegan-v`. */
  protocol?: keyof typeof FVD_PROTOCOLS | FvdProtocol;
  /** Clips that go through the network at a time. Default 2. */
  batchSize?: number;
  /** Statistics of the real clips, as from `momentsFromArrays`, instead of the clips. */
  real?: FrechetMoments;
};

/**
 * Clips as the network takes them.
 *
 * @param clips float32 `[batch, frames, height, width, 3]`, RGB in 0..1.
 * @returns float32 `[batch, frames, size, size, 3]` in the protocol's range. The caller disposes it.
 * @example
 * const input = fvdInput(clips, FVD_PROTOCOLS.unterthiner); // [batch, 16, 224, 224, 3]
 */
export function fvdInput(clips: tf.Tensor5D, { size, resize, eightBits, range }: FvdProtocol): tf.Tensor5D {
  const [batch, frameCount, height, width, colours] = clips.shape;
  return tf.tidy(() => {
    const images = tf.reshape(clips, [batch * frameCount, height, width, colours]) as tf.Tensor4D;
    const resized = resizeImages(images, [size, size], resize);
    const rounded = eightBits ? tf.div(tf.round(tf.mul(resized, 255)), 255) : resized;
    const ranged = range === '[-1,1]' ? tf.sub(tf.mul(rounded, 2), 1) : rounded;
    return tf.reshape(ranged, [batch, frameCount, size, size, colours]) as tf.Tensor5D;
  });
}

/**
 * Fréchet video distance of two sets of clips: lower is better, 0 for equal sets, no upper end.
 *
 * The Fréchet distance of I3D's 400 logits, means and covariances in float64. Source: Unterthiner et al. 2018
 * (arXiv:1812.01717). Relative difference from PyTorch, NumPy and SciPy on random weights: 2e-6, see the test.
 *
 * A jitter of face boxes counts as motion, and few clips make the value far too high: the score carries a note.
 *
 * @example
 * const fvd = new FvdScorer({ network, protocol: 'latentsync' });
 * await fvd.update(realClips, 'real'); // [batch, 16, height, width, 3]
 * await fvd.update(generatedClips, 'generated');
 * console.log(formatScore(fvd.compute()));
 */
export class FvdScorer {
  readonly protocol: FvdProtocol;
  readonly #network: I3D;
  readonly #batchSize: number;
  readonly #sets: FrechetSets;

  /** @throws TypeError or RangeError for options that are not there. */
  constructor({ network, protocol = 'stylegan-v', batchSize = 2, real }: FvdScorerOptions) {
    const chosen = typeof protocol === 'string' ? FVD_PROTOCOLS[protocol] : protocol;
    if (chosen === undefined) fail(TypeError, 'FvdScorer', 'protocol', Object.keys(FVD_PROTOCOLS).join(', '), protocol);
    if (!RESIZE_RULES.includes(chosen.resize))
      fail(TypeError, 'FvdScorer', 'protocol.resize', RESIZE_RULES.join(', '), chosen.resize);
    if (chosen.range !== '[-1,1]' && chosen.range !== '[0,1]') {
      fail(TypeError, 'FvdScorer', 'protocol.range', '[-1,1] or [0,1]', chosen.range);
    }
    for (const [name, value] of Object.entries({
      'protocol.frameCount': chosen.frameCount,
      'protocol.size': chosen.size,
      batchSize,
    })) {
      if (!(Number.isSafeInteger(value) && value >= 1))
        fail(RangeError, 'FvdScorer', name, 'a whole number from 1', value);
    }
    this.protocol = chosen;
    this.#network = network;
    this.#batchSize = batchSize;
    this.#sets = new FrechetSets('FvdScorer', 'fvd', I3D_LOGITS, { real });
  }

  /**
   * Adds clips to a set.
   *
   * @param clips float32 `[batch, frames, height, width, 3]`, RGB in 0..1, as many frames as the protocol says;
   * borrowed.
   * @throws TypeError for another shape or a size other than before, RangeError for values outside 0..1.
   */
  async update(clips: tf.Tensor5D, set: FrechetSet): Promise<void> {
    const { frameCount } = this.protocol;
    await this.#sets.assertSamples(
      clips,
      [undefined, frameCount, undefined, undefined, 3],
      `[batch, ${frameCount}, height, width, 3]`,
      set,
    );
    for (let first = 0; first < clips.shape[0]; first += this.#batchSize) {
      const rows = tf.tidy(() => {
        const count = Math.min(this.#batchSize, clips.shape[0] - first);
        const some = tf.slice(clips, [first, 0, 0, 0, 0], [count, -1, -1, -1, -1]);
        return this.#network.forward(fvdInput(some, this.protocol));
      });
      await this.#sets.add(rows, set);
    }
  }

  /** The statistics of a set so far; its `moments` can be stored and given to a later scorer as `real`. */
  statistics(set: FrechetSet): FrechetStatistics {
    return this.#sets.statistics(set);
  }

  /**
   * The distance of both sets so far.
   *
   * @throws Error while a set has fewer than two clips.
   */
  compute(): FrechetScore<FvdProtocol> {
    const { name, network, frameCount, size, resize, range } = this.protocol;
    const input = `${frameCount} frames at ${size} pixels (${resize}), values ${range}`;
    const convention = `${name}: ${network} of ${input}, covariance by N - 1`;
    const score = this.#sets.score(convention, this.protocol);
    if (range === '[0,1]')
      score.notes.push(
        'the network was trained on values of [-1,1]: compare only with values that were measured on [0,1]',
      );
    return score;
  }

  /** Starts afresh; statistics that were given stay. */
  reset(): void {
    this.#sets.reset();
  }
}
