import type { Random } from '@lipsync/nn';
import { Conv2d, Dropout, GroupNorm, Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { DownsampleFactor } from './config';
import { downsampling, GROUPS } from './tower-sizes';

/** Added to the variance in every GroupNorm of the network. */
export const NORM_EPSILON = 1e-6;

export type ResnetBlockOptions = {
  inChannels: number;
  outChannels: number;
  factor: DownsampleFactor;
  /** Probability of a zero before the second convolution, in training mode. */
  dropout: number;
  random: Random;
};

/**
 * A residual block that may end in a strided convolution:
 * `x + conv2(dropout(silu(norm2(conv1(silu(norm1(x)))))))`, then `downsample_conv(pad(·))` unless the factor is 1.
 *
 * The shortcut is `conv_shortcut` (1x1, on the raw input) where the width changes. No activation after the sum.
 *
 * Source: ResnetBlock2D of StableSyncNet.
 */
export class ResnetBlock extends Module {
  readonly #norm1: GroupNorm;
  readonly #conv1: Conv2d;
  readonly #norm2: GroupNorm;
  readonly #dropout: Dropout;
  readonly #conv2: Conv2d;
  readonly #shortcut: Conv2d | undefined;
  readonly #downsample: Conv2d | undefined;

  constructor({ inChannels, outChannels, factor, dropout, random }: ResnetBlockOptions) {
    super();
    const norm = (channels: number) =>
      new GroupNorm({ groups: GROUPS, channels, epsilon: NORM_EPSILON, activation: 'silu' });
    const wide = { outChannels, kernelSize: 3, random };
    this.#norm1 = this.register('norm1', norm(inChannels));
    this.#conv1 = this.register('conv1', new Conv2d({ ...wide, inChannels, padding: 1 }));
    this.#norm2 = this.register('norm2', norm(outChannels));
    this.#dropout = this.register('dropout', new Dropout({ rate: dropout, seed: random.bits() }));
    this.#conv2 = this.register('conv2', new Conv2d({ ...wide, inChannels: outChannels, padding: 1 }));
    if (inChannels !== outChannels) {
      this.#shortcut = this.register('conv_shortcut', new Conv2d({ inChannels, outChannels, kernelSize: 1, random }));
    }
    const closing = downsampling(factor);
    if (closing)
      this.#downsample = this.register('downsample_conv', new Conv2d({ ...wide, inChannels: outChannels, ...closing }));
  }

  /**
   * @param x float32 `[batch, height, width, inChannels]`, borrowed.
   * @returns float32 `[batch, height', width', outChannels]`. The caller disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => {
      const h = this.#norm2.forward(this.#conv1.forward(this.#norm1.forward(x)));
      const sum = tf.add<tf.Tensor4D>(
        this.#conv2.forward(this.#dropout.forward(h)),
        this.#shortcut ? this.#shortcut.forward(x) : x,
      );
      return this.#downsample ? this.#downsample.forward(sum) : sum;
    });
  }
}
