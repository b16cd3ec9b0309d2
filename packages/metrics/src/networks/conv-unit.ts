import type { NamedArray } from '@lipsync/checkpoints';
import { Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

export type ConvUnitOptions = {
  inChannels: number;
  outChannels: number;
  /** Pixels: one number for a square, or `[height, width]`. */
  kernelSize: number | [number, number];
  /** Default 1. */
  stride?: number;
  /** `same` keeps the size at stride 1. Default `valid`. */
  pad?: 'same' | 'valid';
};

/** Added to the variance, as in TensorFlow's Inception networks. */
const INCEPTION_EPSILON = 1e-3;

/**
 * Convolution without bias, batch normalisation by its running statistics, ReLU: the unit of Inception networks, for
 * inference only.
 *
 * `relu(gamma (conv(x) - mean) / sqrt(variance + 1e-3) + beta)`, with the normalisation folded into the filter.
 * Parameters as torchvision's `BasicConv2d`: `conv.weight`, `bn.weight`, `bn.bias`, `bn.running_mean`,
 * `bn.running_var`, `bn.num_batches_tracked`. They are zeros until a state dict is loaded.
 */
export class ConvUnit extends Module {
  readonly stride: number;
  readonly pad: 'same' | 'valid';
  /** `[height, width, inChannels, outChannels]` of the kernel. */
  readonly #weight: tf.Variable;
  readonly #norm: FoldedNorm;

  constructor({ inChannels, outChannels, kernelSize, stride = 1, pad = 'valid' }: ConvUnitOptions) {
    super();
    this.stride = stride;
    this.pad = pad;
    const [height, width] = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize;
    this.#weight = this.parameter('conv.weight', tf.zeros([height, width, inChannels, outChannels]), 'conv');
    this.#norm = this.register('bn', new FoldedNorm(outChannels));
  }

  /**
   * @param x float32 `[batch, height, width, inChannels]`.
   * @returns float32 `[batch, height', width', outChannels]`. The caller disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    return tf.tidy(() => {
      const { scale, shift } = this.#norm.affine();
      const filter = tf.mul<tf.Tensor4D>(this.#weight, scale);
      // Not tf.fused.conv2d: on wasm the plain kernel takes Winograd's form where that pays, 20 % less time for all.
      return tf.relu(tf.add<tf.Tensor4D>(tf.conv2d(x, filter, this.stride, this.pad), shift));
    });
  }
}

/** Batch normalisation by the running statistics, as a scale and a shift per channel. */
export class FoldedNorm extends Module {
  // [channels] each
  readonly #gamma: tf.Variable;
  readonly #beta: tf.Variable;
  readonly #mean: tf.Variable;
  readonly #variance: tf.Variable;

  constructor(channels: number) {
    super();
    this.#gamma = this.parameter('weight', tf.zeros([channels]));
    this.#beta = this.parameter('bias', tf.zeros([channels]));
    this.#mean = this.buffer('running_mean', tf.zeros([channels]));
    this.#variance = this.buffer('running_var', tf.zeros([channels]));
    this.buffer('num_batches_tracked', tf.scalar(0, 'int32'), { stateDtype: 'int64' });
  }

  /** `norm(x) = scale x + shift`; `[channels]` each, inside the caller's `tidy`. */
  affine(): { scale: tf.Tensor1D; shift: tf.Tensor1D } {
    this.assertUsable('affine');
    const scale = tf.mul<tf.Tensor1D>(this.#gamma, tf.rsqrt(tf.add(this.#variance, INCEPTION_EPSILON)));
    return { scale, shift: tf.sub<tf.Tensor1D>(this.#beta, tf.mul(this.#mean, scale)) };
  }
}

/**
 * A state dict with the counters that older files lack: `num_batches_tracked` beside every `running_var`, 0.
 *
 * @returns a new map of the same arrays.
 */
export function withBatchCounters(state: ReadonlyMap<string, NamedArray>): Map<string, NamedArray> {
  const complete = new Map(state);
  for (const name of state.keys()) {
    const counter = name.replace(/running_var$/, 'num_batches_tracked');
    if (!complete.has(counter)) complete.set(counter, { dtype: 'int64', shape: [], data: BigInt64Array.of(0n) });
  }
  return complete;
}
