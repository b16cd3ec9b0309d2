import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import { normaliseGroups } from './normalise-groups';

/** Options of `InstanceNorm2d`. */
export type InstanceNorm2dOptions = {
  channels: number;
  /** Added to the variance. Default 1e-5. */
  epsilon?: number;
  /** Whether each channel has a learned scale and shift. Default false, as in PyTorch. */
  affine?: boolean;
};

/**
 * Normalises every channel of every image over its own pixels: `gamma · (x - mean) / sqrt(variance + epsilon) + beta`,
 * variance over n.
 *
 * Source: `torch.nn.InstanceNorm2d` without running statistics (PyTorch 1.13); largest difference 1e-6 of the largest
 * value, forward and in all gradients. State dict: empty, or with `affine` `weight` and `bias`, both `[channels]`,
 * initially 1 and 0.
 *
 * @example
 * const y = new InstanceNorm2d({ channels: 8 }).forward(x); // [batch, height, width, 8]
 */
export class InstanceNorm2d extends Module {
  readonly channels: number;
  readonly epsilon: number;
  /** `[channels]`. */
  readonly weight: tf.Variable | undefined;
  /** `[channels]`. */
  readonly bias: tf.Variable | undefined;

  constructor({ channels, epsilon = 1e-5, affine = false }: InstanceNorm2dOptions) {
    super();
    if (!(Number.isInteger(channels) && channels >= 1)) {
      fail(RangeError, 'InstanceNorm2d', 'channels', 'a whole number from 1', channels);
    }
    this.channels = channels;
    this.epsilon = epsilon;
    this.weight = affine ? this.parameter('weight', tf.ones([channels])) : undefined;
    this.bias = affine ? this.parameter('bias', tf.zeros([channels])) : undefined;
  }

  /**
   * @param x float32 `[batch, height, width, channels]`.
   * @returns float32 like `x`. The caller disposes it.
   * @throws TypeError if `x` has another shape or, as in PyTorch, one pixel only while training (all would become 0).
   */
  forward<T extends tf.Tensor>(x: T): T {
    this.assertUsable();
    if (x.rank !== 4 || x.shape[3] !== this.channels) {
      fail(TypeError, 'InstanceNorm2d.forward', 'x', `of shape [batch, height, width, ${this.channels}]`, x.shape);
    }
    const [, height, width] = (x as tf.Tensor as tf.Tensor4D).shape;
    if (this.training && height * width < 2) {
      fail(TypeError, 'InstanceNorm2d.forward', 'x', 'of more than one pixel in training mode', x.shape);
    }
    return tf.tidy(() => {
      const gamma = this.weight ?? tf.ones([this.channels]);
      const beta = this.bias ?? tf.zeros([this.channels]);
      return normaliseGroups(x, gamma, beta, { groups: this.channels, epsilon: this.epsilon, activation: 'none' });
    });
  }
}
