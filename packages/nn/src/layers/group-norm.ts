import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import { normaliseGroups } from './normalise-groups';

/** Options of `GroupNorm`. */
export type GroupNormOptions = {
  /** Number of groups; divides `channels`. */
  groups: number;
  channels: number;
  /** Added to the variance. Default 1e-5. */
  epsilon?: number;
  /** Activation of the result, in the same kernel where the backend has one. Default 'none'. */
  activation?: 'none' | 'silu';
};

/**
 * Group normalisation with a learned scale and shift of each channel, optionally followed by SiLU.
 *
 * `y = gamma · (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance of each sample over the positions and
 * the `channels / groups` channels of a group, variance over n.
 *
 * Source: `torch.nn.GroupNorm` (PyTorch 1.13); largest difference 1e-6 of the largest value, forward and in all
 * gradients (4e-6 where a group's mean is 30 times its deviation, on the fused wasm kernel). State dict: `weight` and
 * `bias`, both `[channels]`, initially 1 and 0.
 *
 * @throws RangeError if `groups` does not divide `channels`.
 * @example
 * const y = new GroupNorm({ groups: 32, channels: 64, activation: 'silu' }).forward(x); // [batch, ..., 64]
 */
export class GroupNorm extends Module {
  readonly groups: number;
  readonly channels: number;
  readonly epsilon: number;
  readonly activation: 'none' | 'silu';
  /** `[channels]`. */
  readonly weight: tf.Variable;
  /** `[channels]`. */
  readonly bias: tf.Variable;

  constructor({ groups, channels, epsilon = 1e-5, activation = 'none' }: GroupNormOptions) {
    super();
    if (
      !(
        Number.isInteger(groups) &&
        groups >= 1 &&
        Number.isInteger(channels) &&
        channels >= 1 &&
        channels % groups === 0
      )
    ) {
      fail(RangeError, 'GroupNorm', 'channels', `a multiple of groups (${groups})`, channels);
    }
    this.groups = groups;
    this.channels = channels;
    this.epsilon = epsilon;
    this.activation = activation;
    this.weight = this.parameter('weight', tf.ones([channels]));
    this.bias = this.parameter('bias', tf.zeros([channels]));
  }

  /**
   * @param x float32 `[batch, ..., channels]`, for images `[batch, height, width, channels]`; 1 x 1 images too.
   * @returns float32 like `x`. The caller disposes it.
   * @throws TypeError if the last axis has another size.
   */
  forward<T extends tf.Tensor>(x: T): T {
    this.assertUsable();
    if (x.rank < 2 || x.shape[x.rank - 1] !== this.channels) {
      fail(TypeError, 'GroupNorm.forward', 'x', `of shape [batch, ..., ${this.channels}]`, x.shape);
    }
    const { groups, epsilon, activation } = this;
    return normaliseGroups(x, this.weight, this.bias, { groups, epsilon, activation });
  }
}
