import { Conv2d, GroupNorm, Module, MultiHeadAttention, type Random, upsampleNearest2x } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** Added to the variance by every norm of the autoencoder. */
const NORM_EPSILON = 1e-6;

export type BlockOptions = {
  inChannels: number;
  outChannels: number;
  /** Groups of the norms. */
  groups: number;
  random: Random;
};

/** A 3 x 3 convolution that keeps the size. */
export function sameConv(inChannels: number, outChannels: number, random: Random): Conv2d {
  return new Conv2d({ inChannels, outChannels, kernelSize: 3, padding: 1, random });
}

/** Group normalisation, then SiLU. */
export function activatedNorm(channels: number, groups: number): GroupNorm {
  return new GroupNorm({ groups, channels, epsilon: NORM_EPSILON, activation: 'silu' });
}

/**
 * Twice norm, SiLU, convolution; then the input is added, through a 1 x 1 convolution where the channels change.
 *
 * Source: diffusers, `ResnetBlock2D` without a time embedding, of `AutoencoderKL`.
 */
export class ResnetBlock extends Module {
  readonly #norm1: GroupNorm;
  readonly #conv1: Conv2d;
  readonly #norm2: GroupNorm;
  readonly #conv2: Conv2d;
  readonly #shortcut: Conv2d | undefined;

  constructor({ inChannels, outChannels, groups, random }: BlockOptions) {
    super();
    this.#norm1 = this.register('norm1', activatedNorm(inChannels, groups));
    this.#conv1 = this.register('conv1', sameConv(inChannels, outChannels, random));
    this.#norm2 = this.register('norm2', activatedNorm(outChannels, groups));
    this.#conv2 = this.register('conv2', sameConv(outChannels, outChannels, random));
    if (inChannels !== outChannels)
      this.#shortcut = this.register('conv_shortcut', new Conv2d({ inChannels, outChannels, kernelSize: 1, random }));
  }

  /** `[batch, height, width, inChannels]` to `[batch, height, width, outChannels]`. The caller disposes it. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => {
      const once = this.#conv1.forward(this.#norm1.forward(x));
      const twice = this.#conv2.forward(this.#norm2.forward(once));
      return tf.add(this.#shortcut ? this.#shortcut.forward(x) : x, twice);
    });
  }
}

/**
 * Self-attention with one head over the places of a map; the input is added.
 *
 * Source: diffusers, `Attention` of `AutoencoderKL`'s middle. Keys `group_norm`, `to_q`, `to_k`, `to_v`, `to_out.0`.
 */
export class AttentionBlock extends Module {
  readonly #norm: GroupNorm;
  readonly #attention: MultiHeadAttention;

  constructor({ channels, groups, random }: { channels: number; groups: number; random: Random }) {
    super();
    this.#norm = this.register('group_norm', new GroupNorm({ groups, channels, epsilon: NORM_EPSILON }));
    this.#attention = new MultiHeadAttention({ channels, heads: 1, random });
    // Its names stand beside that of the norm.
    for (const [name, child] of this.#attention.children()) this.register(name, child);
  }

  /** `[batch, height, width, channels]` to the same. The caller disposes it. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => {
      const [batch, height, width, channels] = x.shape;
      const places = tf.reshape(this.#norm.forward(x), [batch, height * width, channels]);
      return tf.add(x, tf.reshape<tf.Rank.R4>(this.#attention.forward(places), [batch, height, width, channels]));
    });
  }
}

/** A residual block, attention, a residual block. Keys `resnets.0`, `attentions.0`, `resnets.1`. */
export class MiddleBlock extends Module {
  readonly #parts: (ResnetBlock | AttentionBlock)[];

  constructor(channels: number, groups: number, random: Random) {
    super();
    const resnet = () => new ResnetBlock({ inChannels: channels, outChannels: channels, groups, random });
    this.#parts = [
      this.register('resnets.0', resnet()),
      this.register('attentions.0', new AttentionBlock({ channels, groups, random })),
      this.register('resnets.1', resnet()),
    ];
  }

  /** `[batch, height, width, channels]` to the same. The caller disposes it. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return inTurn(this.#parts, x);
  }
}

/** Halves a map: a zero row below and a zero column on the right, then a convolution of stride 2. Key `conv`. */
export class Downsample extends Module {
  readonly #conv: Conv2d;

  constructor(channels: number, random: Random) {
    super();
    const padding = { left: 0, right: 1, top: 0, bottom: 1 };
    const sides = { inChannels: channels, outChannels: channels, kernelSize: 3, stride: 2 };
    this.#conv = this.register('conv', new Conv2d({ ...sides, padding, random }));
  }

  /** `[batch, height, width, channels]` to half of height and width. The caller disposes it. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return this.#conv.forward(x);
  }
}

/** Doubles a map, repeating each place; then a convolution. Key `conv`. */
export class Upsample extends Module {
  readonly #conv: Conv2d;

  constructor(channels: number, random: Random) {
    super();
    this.#conv = this.register('conv', sameConv(channels, channels, random));
  }

  /** `[batch, height, width, channels]` to twice height and width. The caller disposes it. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => this.#conv.forward(upsampleNearest2x(x)));
  }
}

/** What maps one tensor to the next. */
export type Part = { forward(x: tf.Tensor4D): tf.Tensor4D };

/** Applies parts one after the other; what lies between is freed at once. `x` is borrowed. */
export function inTurn(parts: readonly Part[], x: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    let value = x;
    for (const part of parts) {
      const next = part.forward(value);
      if (value !== x) value.dispose();
      value = next;
    }
    return value;
  });
}
