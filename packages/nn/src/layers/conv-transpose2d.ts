import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import type { Random } from '../random/random';
import { kaimingUniform } from './initialise';

/** Options of `ConvTranspose2d`. */
export type ConvTranspose2dOptions = {
  inChannels: number;
  outChannels: number;
  /** Side of the square kernel, pixels. */
  kernelSize: number;
  /** Pixels from one input pixel's place in the output to the next. Default 1. */
  stride?: number;
  /** Pixels that are cut off on each side of the output. Default 0. */
  padding?: number;
  /** Of those, pixels that are kept below and on the right; at most `padding`. Default 0. */
  outputPadding?: number;
  /** Random numbers for the initial weights. */
  random: Random;
};

/**
 * Two-dimensional transposed convolution: the gradient of `Conv2d` by its input, as a layer that enlarges maps.
 *
 * `y[b, i·stride + u - padding, j·stride + v - padding, o] += x[b, i, j, c] · w[u, v, o, c]`, plus `bias[o]`; height
 * `(H - 1)·stride - 2·padding + kernelSize + outputPadding`, width likewise.
 *
 * Source: `torch.nn.ConvTranspose2d` (PyTorch 1.13) with a bias, one group and no dilation. Largest difference from it
 * 4e-7 of the largest value, forward and in all gradients. State dict: `weight` `[in, out, height, width]`, `bias`
 * `[out]`. Initial weights U(±1 / sqrt(outChannels · kernelSize²)), as in PyTorch.
 *
 * @throws RangeError for sizes that are not whole numbers in range.
 * @example
 * import { ConvTranspose2d, Random } from '@lipsync/nn';
 * const random = new Random(0);
 * const up = new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1, random });
 * const y = up.forward(tf.zeros([1, 5, 5, 8])); // [1, 10, 10, 4]
 */
export class ConvTranspose2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
  readonly outputPadding: number;
  /** `[kernelSize, kernelSize, outChannels, inChannels]`. */
  readonly weight: tf.Variable;
  /** `[outChannels]`. */
  readonly bias: tf.Variable;

  constructor(options: ConvTranspose2dOptions) {
    super();
    const { inChannels, outChannels, kernelSize, stride = 1, padding = 0, outputPadding = 0, random } = options;
    for (const [name, size] of Object.entries({ inChannels, outChannels, kernelSize, stride })) {
      if (!(Number.isInteger(size) && size >= 1))
        fail(RangeError, 'ConvTranspose2d', name, 'a whole number from 1', size);
    }
    if (!(Number.isInteger(padding) && padding >= 0 && padding < kernelSize))
      fail(RangeError, 'ConvTranspose2d', 'padding', `a whole number from 0 to ${kernelSize - 1}`, padding);
    const most = Math.min(padding, stride - 1);
    if (!(Number.isInteger(outputPadding) && outputPadding >= 0 && outputPadding <= most))
      fail(RangeError, 'ConvTranspose2d', 'outputPadding', `a whole number from 0 to ${most}`, outputPadding);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = kernelSize;
    this.stride = stride;
    this.padding = padding;
    this.outputPadding = outputPadding;
    const fanIn = kernelSize * kernelSize * outChannels; // PyTorch counts the second axis of its weight
    const shape = [kernelSize, kernelSize, outChannels, inChannels];
    this.weight = this.parameter('weight', kaimingUniform(shape, fanIn, random), 'conv');
    this.bias = this.parameter('bias', kaimingUniform([outChannels], fanIn, random));
  }

  /**
   * @param x float32 `[batch, height, width, inChannels]`.
   * @returns float32 `[batch, height', width', outChannels]`. The caller disposes it.
   * @throws TypeError if `x` has another shape, or so few pixels that nothing would be left.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    if (x.rank !== 4 || x.shape[3] !== this.inChannels)
      fail(TypeError, 'ConvTranspose2d.forward', 'x', `of shape [batch, height, width, ${this.inChannels}]`, x.shape);
    const { kernelSize, stride, padding, outputPadding } = this;
    const side = (size: number) => (size - 1) * stride - 2 * padding + kernelSize + outputPadding;
    const [batch, height, width] = [x.shape[0], side(x.shape[1]), side(x.shape[2])];
    if (height < 1 || width < 1) fail(TypeError, 'ConvTranspose2d.forward', 'x', 'of more pixels', x.shape);
    const sides: [number, number] = [padding, padding - outputPadding];
    return tf.tidy(() => {
      const weight = this.weight as unknown as tf.Tensor4D;
      const shape: [number, number, number, number] = [batch, height, width, this.outChannels];
      const y = tf.conv2dTranspose(x, weight, shape, stride, [[0, 0], sides, sides, [0, 0]]);
      return tf.add<tf.Tensor4D>(y, this.bias);
    });
  }
}
