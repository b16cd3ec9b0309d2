import { Dropout, Linear, Module, gelu } from '@lipsync/nn';
import type { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

export type FeedForwardOptions = {
  channels: number;
  /** Probability that a hidden number is dropped in training mode. */
  dropout: number;
  random: Random;
};

/**
 * The feed-forward part of an attention block: `net.2(dropout(value · gelu(gate)))`, `[value, gate] = net.0.proj(x)`, hidden width
 * `4 · channels`, exact GELU.
 *
 * `GegluFeedForward` of `@lipsync/nn` with the dropout between that the source has.
 */
export class FeedForward extends Module {
  private readonly inner: Linear;
  private readonly dropout: Dropout;
  private readonly outer: Linear;

  constructor({ channels, dropout, random }: FeedForwardOptions) {
    super();
    this.inner = this.register('net.0.proj', new Linear({ inFeatures: channels, outFeatures: 8 * channels, random }));
    this.dropout = this.register('net.1', new Dropout({ rate: dropout, seed: random.bits() }));
    this.outer = this.register('net.2', new Linear({ inFeatures: 4 * channels, outFeatures: channels, random }));
  }

  /**
   * @param x float32 `[batch, tokens, channels]`, borrowed.
   * @returns float32 like `x`; the caller disposes it.
   */
  forward(x: tf.Tensor3D): tf.Tensor3D {
    const [batch, tokens, channels] = x.shape;
    return tf.tidy(() => {
      const rows = tf.reshape<tf.Rank.R2>(x, [batch * tokens, channels]);
      const [value, gate] = tf.split(this.inner.forward(rows), 2, 1);
      const hidden = this.dropout.forward(tf.mul(value, gelu(gate)));
      return tf.reshape<tf.Rank.R3>(this.outer.forward(hidden), x.shape);
    });
  }
}
