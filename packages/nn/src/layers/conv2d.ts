import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { type ConvolutionAttributes, FUSED_KERNELS } from '../kernels/kernels';
import { Module } from '../module/module';
import type { Random } from '../random/random';
import { kaimingUniform } from './initialise';

/** Zeros added on each side, in pixels. */
export type Padding = { left: number; right: number; top: number; bottom: number };

/** Options of `Conv2d`. */
export type Conv2dOptions = {
  inChannels: number;
  outChannels: number;
  /** Pixels: one number for a square, or `[height, width]`. */
  kernelSize: number | [number, number];
  /** Pixels: one number, or `[height, width]`. Default 1. */
  stride?: number | [number, number];
  /** Zeros around the image: on all sides, `[top and bottom, left and right]`, or each side alone. Default 0. */
  padding?: number | [number, number] | Padding;
  /**
   * Pixels from one weight of the kernel to the next: one number, or `[height, width]`. Not together with a stride;
   * without gradient. Default 1.
   */
  dilation?: number | [number, number];
  /** Whether each output channel has a bias. Default true. */
  bias?: boolean;
  /** Random numbers for the initial weights. */
  random: Random;
};

/**
 * Backends whose convolution kernels support explicit padding, forward and in both gradients; on others the input is
 * padded first.
 */
const PADS_ITSELF = new Set(['cpu', 'wasm', 'webgl', 'webgpu']);

function pair(value: number | [number, number]): [number, number] {
  return typeof value === 'number' ? [value, value] : value;
}

function sides(padding: number | [number, number] | Padding): Padding {
  if (typeof padding !== 'number' && !Array.isArray(padding)) return padding;
  const [vertical, horizontal] = pair(padding);
  return { left: horizontal, right: horizontal, top: vertical, bottom: vertical };
}

/**
 * Two-dimensional convolution (cross-correlation) with zero padding and dilation.
 *
 * `y[b, i, j, o] = bias[o] + sum over u, v, c of x[b, i·strideH + u·dilationH - top, j·strideW + v·dilationW - left, c]
 * · w[u, v, c, o]`; height `floor((H + top + bottom - dilationH·(kernelH - 1) - 1) / strideH) + 1`, width likewise.
 *
 * Source: `torch.nn.Conv2d` (PyTorch 1.13), which pads opposite sides equally; other padding is `F.pad` before it.
 * Largest difference from it 2e-7 of the largest value, forward and in all gradients. State dict: `weight` `[out, in,
 * height, width]`, `bias` `[out]`. Initial weights U(±1 / sqrt(inChannels · height · width)), as in PyTorch.
 *
 * @throws RangeError for sizes that are not whole numbers in range, and for dilation together with a stride.
 * @example
 * const conv = new Conv2d({ inChannels: 3, outChannels: 8, kernelSize: 3, padding: 1, random: new Random(0) });
 * const y = conv.forward(tf.zeros([1, 5, 5, 3])); // [1, 5, 5, 8]
 */
export class Conv2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: [number, number];
  readonly stride: [number, number];
  readonly padding: Padding;
  readonly dilation: [number, number];
  /** `[kernelHeight, kernelWidth, inChannels, outChannels]`. */
  readonly weight: tf.Variable;
  /** `[outChannels]`. */
  readonly bias: tf.Variable | undefined;
  /**
   * Whether each call without a gradient tape works on a copy of the kernel. The wasm backend packs every kernel at its
   * first call and keeps the packed form as long as the kernel; that of a copy is freed after the call. Half the
   * memory, for networks whose weights do not fit twice into the 4 GiB of wasm; costs a copy per call. Default false.
   */
  freesPackedKernel = false;

  constructor(options: Conv2dOptions) {
    super();
    const { inChannels, outChannels, kernelSize, stride = 1, padding = 0, dilation = 1, bias = true, random } = options;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = pair(kernelSize);
    this.stride = pair(stride);
    this.padding = sides(padding);
    this.dilation = pair(dilation);
    for (const [name, size] of Object.entries({ inChannels, outChannels })) positive(name, size);
    for (const size of this.kernelSize) positive('kernelSize', size);
    for (const size of this.stride) positive('stride', size);
    for (const size of this.dilation) positive('dilation', size);
    if (Math.max(...this.stride) > 1 && Math.max(...this.dilation) > 1) {
      fail(RangeError, 'Conv2d', 'dilation', '1 together with a stride', this.dilation);
    }
    for (const size of Object.values(this.padding)) {
      if (!(Number.isInteger(size) && size >= 0)) fail(RangeError, 'Conv2d', 'padding', 'whole numbers from 0', size);
    }
    const [height, width] = this.kernelSize;
    const fanIn = height * width * inChannels;
    this.weight = this.parameter(
      'weight',
      kaimingUniform([height, width, inChannels, outChannels], fanIn, random),
      'conv',
    );
    this.bias = bias ? this.parameter('bias', kaimingUniform([outChannels], fanIn, random)) : undefined;
  }

  /**
   * @param x float32 `[batch, height, width, inChannels]`.
   * @returns float32 `[batch, height', width', outChannels]`. The caller disposes it.
   * @throws TypeError if `x` has another shape or, padding included, is smaller than the kernel.
   */
  forward(x: tf.Tensor): tf.Tensor4D {
    this.assertUsable();
    const { left, right, top, bottom } = this.padding;
    const [height, width] = this.kernelSize.map((size, axis) => this.dilation[axis] * (size - 1) + 1);
    if (x.rank !== 4 || x.shape[3] !== this.inChannels) {
      fail(TypeError, 'Conv2d.forward', 'x', `of shape [batch, height, width, ${this.inChannels}]`, x.shape);
    }
    const image = x as tf.Tensor4D;
    if (image.shape[1] + top + bottom < height || image.shape[2] + left + right < width) {
      const rule = `at least ${height} x ${width} pixels with its padding of ${top + bottom} rows and ${left + right} columns`;
      fail(TypeError, 'Conv2d.forward', 'x', rule, x.shape);
    }
    if (this.bias && Math.max(...this.dilation) === 1 && tf.getKernel(FUSED_KERNELS.convolution, tf.getBackend())) {
      const attributes: ConvolutionAttributes = {
        strides: this.stride,
        pad: [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ],
      };
      return tf.tidy(() => {
        const inputs = { x: image, filter: this.#kernel(), bias: this.bias } as unknown as tf.NamedTensorMap;
        return tf.engine().runKernel(FUSED_KERNELS.convolution, inputs, attributes) as tf.Tensor4D;
      });
    }
    return tf.tidy(() => {
      const y = this.#convolve(image);
      return this.bias ? tf.add<tf.Tensor4D>(y, this.bias) : y;
    });
  }

  /** The kernel, or a copy of it that the surrounding tidy frees. */
  #kernel(): tf.Tensor4D {
    const weight = this.weight as unknown as tf.Tensor4D;
    return this.freesPackedKernel && !tf.engine().isTapeOn() ? tf.mul(weight, 1) : weight;
  }

  #convolve(x: tf.Tensor4D): tf.Tensor4D {
    const { left, right, top, bottom } = this.padding;
    const weight = this.#kernel();
    if (left + right + top + bottom === 0) return tf.conv2d(x, weight, this.stride, 'valid', 'NHWC', this.dilation);
    if (PADS_ITSELF.has(tf.getBackend())) {
      return tf.conv2d(
        x,
        weight,
        this.stride,
        [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ],
        'NHWC',
        this.dilation,
      );
    }
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    return tf.conv2d(padded, weight, this.stride, 'valid', 'NHWC', this.dilation);
  }
}

function positive(name: string, value: number): void {
  if (!(Number.isInteger(value) && value >= 1)) fail(RangeError, 'Conv2d', name, 'a whole number from 1', value);
}
