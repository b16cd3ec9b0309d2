import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import type { Random } from '../random/random';
import { gelu } from './activations';
import { Dropout } from './dropout';
import { Linear } from './linear';

export type GegluFeedForwardOptions = {
  /** Size of the last axis. */
  channels: number;
  /** Width of the hidden layer as a multiple of `channels`. Default 4. */
  factor?: number;
  /** Probability that a hidden value is set to 0 in training mode. Default 0. */
  dropout?: number;
  /** Random numbers for the initial weights. */
  random: Random;
};

/**
 * Feed-forward part of a transformer with a gated GELU (Shazeer, 2020).
 *
 * `y = W2 · dropout(value · gelu(gate)) + b2`, `value` and `gate` the halves, in this order, of `W1 · x + b1`; exact
 * GELU.
 *
 * Source: `FeedForward(activation_fn='geglu')` of diffusers, written from its formula; largest difference from the same
 * in PyTorch 1.13 1e-6 of the largest value, forward and in all gradients. State dict: `net.0.proj` (`[2 · factor ·
 * channels, channels]`) and `net.2` (`[channels, factor · channels]`), `weight` and `bias` each.
 *
 * @example
 * const y = new GegluFeedForward({ channels: 64, random: new Random(0) }).forward(tokens); // [batch, tokens, 64]
 */
export class GegluFeedForward extends Module {
  readonly channels: number;
  readonly #hidden: number;
  readonly #inner: Linear;
  readonly #dropout: Dropout;
  readonly #outer: Linear;

  constructor({ channels, factor = 4, dropout = 0, random }: GegluFeedForwardOptions) {
    super();
    this.channels = channels;
    this.#hidden = factor * channels;
    this.#inner = this.register(
      'net.0.proj',
      new Linear({ inFeatures: channels, outFeatures: 2 * this.#hidden, random }),
    );
    this.#dropout = this.register('net.1', new Dropout({ rate: dropout, seed: random.bits() }));
    this.#outer = this.register('net.2', new Linear({ inFeatures: this.#hidden, outFeatures: channels, random }));
  }

  /**
   * @param x float32 `[..., channels]`.
   * @returns float32 like `x`. The caller disposes it.
   * @throws TypeError if the last axis has another size.
   */
  forward<T extends tf.Tensor>(x: T): T {
    this.assertUsable();
    if (x.rank < 1 || x.shape[x.rank - 1] !== this.channels) {
      fail(TypeError, 'GegluFeedForward.forward', 'x', `of shape [..., ${this.channels}]`, x.shape);
    }
    return tf.tidy(() => {
      const rows = tf.reshape(x, [-1, this.channels]) as tf.Tensor2D;
      const [value, gate] = tf.split(this.#inner.forward(rows), 2, 1);
      return tf.reshape(this.#outer.forward(this.#dropout.forward(tf.mul(value, gelu(gate)))), x.shape) as T;
    });
  }
}
