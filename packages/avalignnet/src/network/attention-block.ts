import type { Random } from '@lipsync/nn';
import { Conv2d, Dropout, GegluFeedForward, GroupNorm, LayerNorm, Module, MultiHeadAttention } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { NORM_EPSILON } from './resnet-block';
import { GROUPS } from './tower-sizes';

/** Attention heads, each `channels / 8` wide. */
const HEADS = 8;

export type AttentionBlockOptions = {
  channels: number;
  /** Probability of a zero after the attention and inside the feed-forward part, in training mode. */
  dropout: number;
  random: Random;
};

/**
 * Self-attention among the positions of a map, without positional encoding:
 * `y = conv_in(norm1(x))` as tokens, `y += attn(norm2(y))`, `y += ff(norm3(y))`, result `x + conv_out(y)`.
 *
 * Source: AttentionBlock2D of StableSyncNet; 8 heads, queries, keys and values with bias, GEGLU with the exact GELU.
 */
export class AttentionBlock extends Module {
  readonly #norm1: GroupNorm;
  readonly #norm2: LayerNorm;
  readonly #norm3: LayerNorm;
  readonly #ff: GegluFeedForward;
  readonly #convIn: Conv2d;
  readonly #convOut: Conv2d;
  readonly #attn: MultiHeadAttention;
  readonly #dropout: Dropout;

  constructor({ channels, dropout, random }: AttentionBlockOptions) {
    super();
    const pointwise = { inChannels: channels, outChannels: channels, kernelSize: 1, random };
    this.#norm1 = this.register('norm1', new GroupNorm({ groups: GROUPS, channels, epsilon: NORM_EPSILON }));
    this.#norm2 = this.register('norm2', new LayerNorm({ features: channels }));
    this.#norm3 = this.register('norm3', new LayerNorm({ features: channels }));
    this.#ff = this.register('ff', new GegluFeedForward({ channels, dropout, random }));
    this.#convIn = this.register('conv_in', new Conv2d(pointwise));
    this.#convOut = this.register('conv_out', new Conv2d(pointwise));
    this.#attn = this.register('attn', new MultiHeadAttention({ channels, heads: HEADS, random }));
    this.#dropout = this.register('attn.to_out.1', new Dropout({ rate: dropout, seed: random.bits() }));
  }

  /**
   * @param x float32 `[batch, height, width, channels]`, borrowed.
   * @returns float32 of the shape of `x`. The caller disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    const [batch, height, width, channels] = x.shape;
    return tf.tidy(() => {
      let tokens = tf.reshape<tf.Rank.R3>(this.#convIn.forward(this.#norm1.forward(x)), [
        batch,
        height * width,
        channels,
      ]);
      tokens = tf.add(tokens, this.#dropout.forward(this.#attn.forward(this.#norm2.forward(tokens))));
      tokens = tf.add(tokens, this.#ff.forward(this.#norm3.forward(tokens)));
      return tf.add(x, this.#convOut.forward(tf.reshape<tf.Rank.R4>(tokens, x.shape)));
    });
  }
}
