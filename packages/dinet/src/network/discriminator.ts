import { fail } from '@lipsync/contracts';
import { Conv2d, leakyRelu, Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { Sequence } from './blocks';

export type DinetDiscriminatorOptions = {
  /** Frames that are scored together: 1 (`net_dI`) or 5 (`net_dV`). */
  frameCount: number;
  /** Half of the first layer's channels; 64 loads the published files. Default 64. */
  width?: number;
  /** Seed of the first weights, an integer. */
  seed: number;
};

/** Slope below 0. */
const LEAK = 0.2;
const LAYERS = 4;

/** Convolution of 4 x 4 without padding, leaky ReLU, and average pooling of 2 x 2 where the map is halved; key `conv`. */
class DiscriminatorBlock extends Module {
  readonly #conv: Conv2d;
  readonly #halved: boolean;

  constructor(inChannels: number, outChannels: number, halved: boolean, random: Random) {
    super();
    this.#conv = this.register('conv', new Conv2d({ inChannels, outChannels, kernelSize: 4, random }));
    this.#halved = halved;
  }

  /** `[n, height, width, channels]` each. The caller disposes the result. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => {
      const y = leakyRelu(this.#conv.forward(x), LEAK);
      return this.#halved ? tf.avgPool(y, 2, 2, 'valid') : y;
    });
  }
}

/** Length of a side after all blocks. */
function mapSide(side: number): number {
  let left = side;
  for (let layer = 0; layer < LAYERS; layer++) left = layer < LAYERS - 1 ? Math.floor((left - 3) / 2) : left - 3;
  return left;
}

/**
 * DINet's discriminator (LSGAN): a map of raw scores, one per overlapping patch; the target of real patches is 1, of
 * generated ones 0.
 *
 * Four convolutions of 4 x 4 without padding (128, 256, 256, 256 channels), the first three followed by pooling, and
 * one of 1 x 1. 7 x 4 scores for frames of 104 x 80, 20 x 14 for 208 x 160, 46 x 34 for 416 x 320.
 *
 * Source: MRzzm/DINet, `Discriminator`, parameter names and shapes alike: 2,628,737 parameters for one frame, 2,653,313
 * for five. Against PyTorch 1.13 with the same weights: see README.
 *
 * The caller calls `dispose()` when done.
 *
 * @example
 * const discriminator = new DinetDiscriminator({ frameCount: 1, seed: 0 });
 * const scores = discriminator.forward(tf.zeros([2, 104, 80, 3])); // [2, 7, 4, 1]
 */
export class DinetDiscriminator extends Module {
  readonly frameCount: number;
  readonly width: number;
  readonly #blocks: Sequence;
  readonly #conv: Conv2d;

  constructor({ frameCount, width = 64, seed }: DinetDiscriminatorOptions) {
    super();
    for (const [name, value] of Object.entries({ frameCount, width })) {
      if (!(Number.isInteger(value) && value >= 1))
        fail(RangeError, 'DinetDiscriminator', name, 'a whole number from 1', value);
    }
    this.frameCount = frameCount;
    this.width = width;
    const random = new Random(seed);
    const channels = [3 * frameCount, 2 * width, 4 * width, 4 * width, 4 * width];
    const blocks = Array.from(
      { length: LAYERS },
      (_, i) => new DiscriminatorBlock(channels[i], channels[i + 1], i < LAYERS - 1, random),
    );
    this.#blocks = this.register('down_blocks', new Sequence(blocks));
    this.#conv = this.register('conv', new Conv2d({ inChannels: 4 * width, outChannels: 1, kernelSize: 1, random }));
  }

  /**
   * @param x float32 `[n, height, width, frameCount * 3]`, RGB 0..1, sides of at least 53 pixels; borrowed.
   * @returns float32 `[n, height', width', 1]`, raw scores. The caller disposes it.
   * @throws TypeError if the shape does not fit.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    const [, height = 0, width = 0, channels] = x.shape;
    if (x.rank !== 4 || channels !== 3 * this.frameCount || Math.min(mapSide(height), mapSide(width)) < 1) {
      const rule = `of shape [n, height, width, ${3 * this.frameCount}] with sides of at least 53 pixels`;
      fail(TypeError, 'DinetDiscriminator.forward', 'x', rule, x.shape);
    }
    return tf.tidy(() => this.#conv.forward(this.#blocks.forward(x)));
  }
}
