import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import type { Random } from '../random/random';
import { kaimingUniform } from './initialise';

/** Time, height, width. */
export type Triple = [number, number, number];

/** Options of `Conv3d`. */
export type Conv3dOptions = {
  inChannels: number;
  outChannels: number;
  /** One number for a cube, or `[time, height, width]`. */
  kernelSize: number | Triple;
  /** Default 1. */
  stride?: number | Triple;
  /**
   * Zeros on both sides of each axis: one number, `[time, height, width]`, or `same`: TensorFlow's SAME, which depends
   * on the size of the input and puts an odd zero at the end. Default 0.
   */
  padding?: number | Triple | 'same';
  /** Whether each output channel has a bias. Default true. */
  bias?: boolean;
  /** Random numbers for the initial weights. */
  random: Random;
};

const triple = (value: number | Triple): Triple => (typeof value === 'number' ? [value, value, value] : value);

/** Zeros before and after one axis, by TensorFlow's SAME. */
export function samePadding(side: number, kernel: number, stride: number): [number, number] {
  const total = Math.max(0, (Math.ceil(side / stride) - 1) * stride + kernel - side);
  return [total >> 1, total - (total >> 1)];
}

/**
 * Three-dimensional convolution (cross-correlation) of clips, computed as a sum of two-dimensional convolutions over
 * the kernel's time steps, which are fast and differentiable on every backend.
 *
 * Source: `torch.nn.Conv3d` (PyTorch 1.13); largest difference from it 4e-7 of the largest value, forward and in all
 * gradients. `same` is TensorFlow's. State dict: `weight` `[out, in, time, height, width]`, `bias` `[out]`.
 *
 * @throws RangeError for sizes that are not whole numbers in range.
 * @example
 * const conv = new Conv3d({ inChannels: 3, outChannels: 64, kernelSize: 7, stride: 2, padding: 'same', bias: false, random: new Random(0) });
 * const y = conv.forward(tf.zeros([1, 16, 224, 224, 3])); // [1, 8, 112, 112, 64]
 */
export class Conv3d extends Module {
  readonly inChannels: number;
  readonly kernelSize: Triple;
  readonly stride: Triple;
  readonly padding: Triple | 'same';
  /** `[time, height, width, inChannels, outChannels]`. */
  readonly weight: tf.Variable;
  /** `[outChannels]`. */
  readonly bias: tf.Variable | undefined;

  constructor({ inChannels, outChannels, kernelSize, stride = 1, padding = 0, bias = true, random }: Conv3dOptions) {
    super();
    this.inChannels = inChannels;
    this.kernelSize = triple(kernelSize);
    this.stride = triple(stride);
    this.padding = padding === 'same' ? padding : triple(padding);
    const sizes = {
      inChannels: [inChannels],
      outChannels: [outChannels],
      kernelSize: this.kernelSize,
      stride: this.stride,
    };
    for (const [name, values] of Object.entries(sizes)) {
      for (const size of values) {
        if (!(Number.isInteger(size) && size >= 1)) fail(RangeError, 'Conv3d', name, 'a whole number from 1', size);
      }
    }
    if (this.padding !== 'same' && !this.padding.every((size) => Number.isInteger(size) && size >= 0)) {
      fail(RangeError, 'Conv3d', 'padding', 'whole numbers from 0, or same', this.padding);
    }
    const [time, height, width] = this.kernelSize;
    const fanIn = time * height * width * inChannels;
    const weight = kaimingUniform([time, height, width, inChannels, outChannels], fanIn, random);
    this.weight = this.parameter('weight', weight, 'conv');
    this.bias = bias ? this.parameter('bias', kaimingUniform([outChannels], fanIn, random)) : undefined;
  }

  /**
   * @param x float32 `[batch, time, height, width, inChannels]`.
   * @returns float32 `[batch, time', height', width', outChannels]`. The caller disposes it.
   * @throws TypeError if `x` has another shape or, padding included, is smaller than the kernel.
   */
  forward(x: tf.Tensor): tf.Tensor5D {
    this.assertUsable();
    const { kernelSize, stride, padding, inChannels } = this;
    if (x.rank !== 5 || x.shape[4] !== inChannels) {
      fail(TypeError, 'Conv3d.forward', 'x', `of shape [batch, time, height, width, ${inChannels}]`, x.shape);
    }
    const pads = kernelSize.map((kernel, axis): [number, number] =>
      padding === 'same' ? samePadding(x.shape[axis + 1], kernel, stride[axis]) : [padding[axis], padding[axis]],
    );
    const padded = pads.map(([before, behind], axis) => x.shape[axis + 1] + before + behind);
    if (padded.some((side, axis) => side < kernelSize[axis])) {
      fail(TypeError, 'Conv3d.forward', 'x', `at least ${kernelSize.join(' x ')} with its padding`, padded.join(' x '));
    }
    return tf.tidy(() => {
      const clip = pads.flat().some((zeros) => zeros > 0) ? tf.pad(x, [[0, 0], ...pads, [0, 0]]) : x;
      const y = this.#sumOverTime(clip as tf.Tensor5D, padded);
      return this.bias ? tf.add<tf.Tensor5D>(y, this.bias) : y;
    });
  }

  #sumOverTime(clip: tf.Tensor5D, [, height, width]: number[]): tf.Tensor5D {
    const [times, kernelHeight, kernelWidth, inChannels, outChannels] = this.weight.shape;
    const [step, ...strides] = this.stride;
    const [batch, length] = clip.shape;
    const steps = Math.floor((length - times) / step) + 1;
    let sum: tf.Tensor4D | undefined;
    for (let t = 0; t < times; t++) {
      const images = tf.reshape(everyStep(clip, { first: t, count: steps, step }), [
        batch * steps,
        height,
        width,
        inChannels,
      ]) as tf.Tensor4D;
      const filter = tf.reshape(tf.slice(this.weight, [t], [1]), [
        kernelHeight,
        kernelWidth,
        inChannels,
        outChannels,
      ]) as tf.Tensor4D;
      const part = tf.conv2d(images, filter, strides as [number, number], 'valid');
      sum = sum ? tf.add<tf.Tensor4D>(sum, part) : part;
    }
    const result = sum as tf.Tensor4D;
    const [, rows, columns] = result.shape;
    return tf.reshape(result, [batch, steps, rows, columns, outChannels]) as tf.Tensor5D;
  }
}

/**
 * `count` entries of axis 1 from `first` on, every `step`-th; composed of ops that are differentiable on every backend.
 */
export function everyStep(
  clip: tf.Tensor5D,
  { first, count, step }: { first: number; count: number; step: number },
): tf.Tensor5D {
  const [batch, length, height, width, channels] = clip.shape;
  const size: [number, number, number, number, number] = [batch, count, height, width, channels];
  if (step === 1) return tf.slice(clip, [0, first, 0, 0, 0], size);
  const wanted = count * step;
  const missing = Math.max(0, first + wanted - length); // of a last group that is cut short only the first entry is used
  const long =
    missing > 0
      ? tf.pad(clip, [
          [0, 0],
          [0, missing],
          [0, 0],
          [0, 0],
          [0, 0],
        ])
      : clip;
  const taken = tf.slice(long, [0, first, 0, 0, 0], [batch, wanted, height, width, channels]);
  const groups = tf.reshape(taken, [batch, count, step * height, width, channels]) as tf.Tensor5D;
  return tf.slice(groups, [0, 0, 0, 0, 0], size);
}
