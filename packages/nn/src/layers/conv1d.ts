import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import type { Random } from '../random/random';
import { kaimingUniform } from './initialise';

/** Options of `Conv1d`. */
export type Conv1dOptions = {
  inChannels: number;
  outChannels: number;
  /** Steps. */
  kernelSize: number;
  /** Steps. Default 1. */
  stride?: number;
  /** Zeros before and after the sequence, steps. Default 0. */
  padding?: number;
  /** Random numbers for the initial weights. */
  random: Random;
};

/**
 * Convolution (cross-correlation) along a sequence: a `Conv2d` of height 1.
 *
 * `y[b, t, o] = bias[o] + sum over u, c of x[b, t·stride + u - padding, c] · w[u, c, o]`.
 *
 * Source: `torch.nn.Conv1d` (PyTorch 1.13); largest difference from it 2e-7 of the largest value, forward and in all
 * gradients. State dict: `weight` `[out, in, steps]`, `bias` `[out]`.
 *
 * @throws RangeError for sizes that are not whole numbers in range.
 * @example
 * const conv = new Conv1d({ inChannels: 29, outChannels: 128, kernelSize: 5, padding: 2, random: new Random(0) });
 * const y = conv.forward(tf.zeros([1, 9, 29])); // [1, 9, 128]
 */
export class Conv1d extends Module {
  readonly inChannels: number;
  readonly stride: number;
  readonly padding: number;
  /** `[kernelSize, inChannels, outChannels]`. */
  readonly weight: tf.Variable;
  /** `[outChannels]`. */
  readonly bias: tf.Variable;

  constructor({ inChannels, outChannels, kernelSize, stride = 1, padding = 0, random }: Conv1dOptions) {
    super();
    for (const [name, size] of Object.entries({ inChannels, outChannels, kernelSize, stride })) {
      if (!(Number.isInteger(size) && size >= 1)) fail(RangeError, 'Conv1d', name, 'a whole number from 1', size);
    }
    if (!(Number.isInteger(padding) && padding >= 0))
      fail(RangeError, 'Conv1d', 'padding', 'a whole number from 0', padding);
    this.inChannels = inChannels;
    this.stride = stride;
    this.padding = padding;
    const fanIn = kernelSize * inChannels;
    this.weight = this.parameter(
      'weight',
      kaimingUniform([kernelSize, inChannels, outChannels], fanIn, random),
      'conv',
    );
    this.bias = this.parameter('bias', kaimingUniform([outChannels], fanIn, random));
  }

  /**
   * @param x float32 `[batch, steps, inChannels]`.
   * @returns float32 `[batch, steps', outChannels]`. The caller disposes it.
   * @throws TypeError if `x` has another shape or, padding included, is shorter than the kernel.
   */
  forward(x: tf.Tensor): tf.Tensor3D {
    this.assertUsable();
    const { padding, stride, inChannels } = this;
    const [kernelSize = 0, , outChannels = 0] = this.weight.shape;
    const [batch, steps = 0, channels] = x.shape;
    if (x.rank !== 3 || channels !== inChannels || steps + 2 * padding < kernelSize) {
      const rule = `of shape [batch, steps, ${inChannels}] with at least ${Math.max(1, kernelSize - 2 * padding)} steps`;
      fail(TypeError, 'Conv1d.forward', 'x', rule, x.shape);
    }
    return tf.tidy(() => {
      const padded =
        padding === 0
          ? x
          : tf.pad(x, [
              [0, 0],
              [padding, padding],
              [0, 0],
            ]);
      const image = tf.reshape(padded, [batch, 1, steps + 2 * padding, inChannels]) as tf.Tensor4D;
      const filter = tf.reshape(this.weight, [1, kernelSize, inChannels, outChannels]) as tf.Tensor4D;
      const y: tf.Tensor4D = tf.conv2d(image, filter, [1, stride], 'valid');
      return tf.add<tf.Tensor3D>(tf.squeeze(y, [1]), this.bias);
    });
  }
}
