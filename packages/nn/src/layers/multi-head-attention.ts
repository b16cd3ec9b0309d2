import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import type { Random } from '../random/random';
import { Linear } from './linear';

/** Options of `MultiHeadAttention`. */
export type MultiHeadAttentionOptions = {
  /** Size of the last axis; a multiple of `heads`. */
  channels: number;
  heads: number;
  /** Whether the projections to q, k and v have a bias; that of the output always has one. Default true. */
  bias?: boolean;
  /** Random numbers for the initial weights. */
  random: Random;
};

/**
 * Multi-head self-attention without mask or positions.
 *
 * `out = concat over heads of softmax(q_h · k_hᵀ / sqrt(channels / heads)) · v_h`, then a linear layer; `q`, `k`, `v`
 * are three linear layers of `x`, and head h has the channels `h · channels / heads` and following.
 *
 * Source: `Attention` of diffusers as StableSyncNet uses it, written from its formula; largest difference from the same
 * in PyTorch 1.13 2e-6 of the largest value, forward and in all gradients. State dict: `to_q`, `to_k`, `to_v`,
 * `to_out.0`, each with `weight` `[channels, channels]` and `bias`.
 *
 * @throws RangeError if `heads` does not divide `channels`.
 * @example
 * const y = new MultiHeadAttention({ channels: 64, heads: 8, random: new Random(0) }).forward(tokens); // [batch, tokens, 64]
 */
export class MultiHeadAttention extends Module {
  readonly channels: number;
  readonly heads: number;
  readonly #query: Linear;
  readonly #key: Linear;
  readonly #value: Linear;
  readonly #out: Linear;

  constructor({ channels, heads, bias = true, random }: MultiHeadAttentionOptions) {
    super();
    if (
      !(Number.isInteger(heads) && heads >= 1 && Number.isInteger(channels) && channels >= 1 && channels % heads === 0)
    ) {
      fail(RangeError, 'MultiHeadAttention', 'channels', `a multiple of heads (${heads})`, channels);
    }
    this.channels = channels;
    this.heads = heads;
    const linear = (withBias: boolean) =>
      new Linear({ inFeatures: channels, outFeatures: channels, bias: withBias, random });
    this.#query = this.register('to_q', linear(bias));
    this.#key = this.register('to_k', linear(bias));
    this.#value = this.register('to_v', linear(bias));
    this.#out = this.register('to_out.0', linear(true));
  }

  /**
   * @param x float32 `[batch, tokens, channels]`.
   * @returns float32 like `x`. The caller disposes it.
   * @throws TypeError if `x` has another shape.
   */
  forward(x: tf.Tensor): tf.Tensor3D {
    this.assertUsable();
    if (x.rank !== 3 || x.shape[2] !== this.channels) {
      fail(TypeError, 'MultiHeadAttention.forward', 'x', `of shape [batch, tokens, ${this.channels}]`, x.shape);
    }
    const sequence = x as tf.Tensor3D;
    const [batch, tokens, channels] = sequence.shape;
    const size = channels / this.heads;
    // [batch, tokens, channels] to [batch · heads, tokens, size]: three axes, for which backends are fastest
    const split = (y: tf.Tensor3D) => {
      const byHead = tf.transpose(tf.reshape(y, [batch, tokens, this.heads, size]), [0, 2, 1, 3]);
      return tf.reshape(byHead, [batch * this.heads, tokens, size]) as tf.Tensor3D;
    };
    return tf.tidy(() => {
      const query = split(tf.mul(this.#query.forward(sequence), 1 / Math.sqrt(size)));
      const key = split(this.#key.forward(sequence));
      const weights = tf.softmax(tf.matMul(query, key, false, true));
      const byHead = tf.matMul(weights, split(this.#value.forward(sequence)));
      const mixed = tf.reshape(byHead, [batch, this.heads, tokens, size]);
      const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, tokens, channels]) as tf.Tensor3D;
      return this.#out.forward(joined);
    });
  }
}
