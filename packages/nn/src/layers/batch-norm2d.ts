import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import { normaliseGroups } from './normalise-groups';

/** Options of `BatchNorm2d`. */
export type BatchNorm2dOptions = {
  channels: number;
  /** Added to the variance. Default 1e-5. */
  epsilon?: number;
  /** Weight of the new batch in the running statistics; null for the mean over all batches. Default 0.1. */
  momentum?: number | null;
  /** Whether each channel has a learned scale and shift. Default true. */
  affine?: boolean;
  /** Whether running statistics are kept, and used in evaluation mode. Default true. */
  trackRunningStatistics?: boolean;
};

/**
 * Batch normalisation of each channel: `gamma · (x - mean) / sqrt(variance + epsilon) + beta`.
 *
 * In training mode, mean and variance (over n) are those of the batch, and `running ← running + momentum · (batch -
 * running)` follows them, its variance over n - 1. In evaluation mode the running ones are used.
 *
 * Source: `torch.nn.BatchNorm2d` (PyTorch 1.13); largest difference 1e-6 of the largest value: output, gradients and
 * running statistics. State dict: `weight`, `bias`, `running_mean`, `running_var` (all `[channels]`, initially 1, 0, 0,
 * 1) and `num_batches_tracked` (int64).
 *
 * @example
 * const norm = new BatchNorm2d({ channels: 8 });
 * const y = norm.forward(x); // [batch, ..., 8]; call norm.eval() before inference
 */
export class BatchNorm2d extends Module {
  readonly channels: number;
  readonly epsilon: number;
  readonly momentum: number | null;
  /** `[channels]`. */
  readonly weight: tf.Variable | undefined;
  /** `[channels]`. */
  readonly bias: tf.Variable | undefined;
  /** `mean` and `variance` `[channels]`, `batches` an int32 scalar. */
  readonly #running: { mean: tf.Variable; variance: tf.Variable; batches: tf.Variable } | undefined;

  constructor({
    channels,
    epsilon = 1e-5,
    momentum = 0.1,
    affine = true,
    trackRunningStatistics = true,
  }: BatchNorm2dOptions) {
    super();
    if (!(Number.isInteger(channels) && channels >= 1)) {
      fail(RangeError, 'BatchNorm2d', 'channels', 'a whole number from 1', channels);
    }
    if (momentum !== null && !(momentum >= 0 && momentum <= 1)) {
      fail(RangeError, 'BatchNorm2d', 'momentum', 'from 0 to 1, or null', momentum);
    }
    this.channels = channels;
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.weight = affine ? this.parameter('weight', tf.ones([channels])) : undefined;
    this.bias = affine ? this.parameter('bias', tf.zeros([channels])) : undefined;
    this.#running = trackRunningStatistics
      ? {
          mean: this.buffer('running_mean', tf.zeros([channels])),
          variance: this.buffer('running_var', tf.ones([channels])),
          batches: this.buffer('num_batches_tracked', tf.scalar(0, 'int32'), { stateDtype: 'int64' }),
        }
      : undefined;
  }

  /**
   * @param x float32 `[batch, ..., channels]`, for images `[batch, height, width, channels]`.
   * @returns float32 like `x`. The caller disposes it.
   * @throws TypeError if the last axis has another size or, in training mode, `x` has only one value per channel.
   */
  forward<T extends tf.Tensor>(x: T): T {
    this.assertUsable();
    if (x.rank < 2 || x.shape[x.rank - 1] !== this.channels) {
      fail(TypeError, 'BatchNorm2d.forward', 'x', `of shape [batch, ..., ${this.channels}]`, x.shape);
    }
    if (this.training && x.size === this.channels) {
      fail(TypeError, 'BatchNorm2d.forward', 'x', 'of more than one value per channel in training mode', x.shape);
    }
    return tf.tidy(() => {
      const gamma = this.weight ?? tf.ones([this.channels]);
      const beta = this.bias ?? tf.zeros([this.channels]);
      if (this.#running && !this.training) {
        const { mean, variance } = this.#running;
        const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, this.epsilon)));
        // Scale and shift are combined first, as in PyTorch on CPUs: one pass over x fewer than by the definition.
        return tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(mean, scale))) as T;
      }
      // The batch as one sample, each channel as one group.
      const rows = tf.reshape<tf.Rank.R3>(x, [1, -1, this.channels]);
      if (this.#running && this.training) this.#follow(rows);
      const attributes = { groups: this.channels, epsilon: this.epsilon, activation: 'none' } as const;
      return tf.reshape(normaliseGroups(rows, gamma, beta, attributes), x.shape) as T;
    });
  }

  /** Moves the running statistics towards those of a batch `[1, rows, channels]`. */
  #follow(rows: tf.Tensor3D): void {
    const { mean, variance, batches } = this.#running!;
    const count = rows.size / this.channels;
    // In a tidy of its own, outside the gradient tape: no gradient flows through the running statistics.
    tf.tidy(() => {
      const batch = tf.moments(rows, [0, 1]);
      batches.assign(tf.add(batches, tf.scalar(1, 'int32')));
      const share = this.momentum ?? tf.reciprocal(tf.cast(batches, 'float32'));
      // both [channels]
      const move = (running: tf.Variable, value: tf.Tensor) =>
        running.assign(tf.add(running, tf.mul(tf.sub(value, running), share)));
      move(mean, batch.mean);
      move(variance, tf.mul(batch.variance, count / (count - 1)));
    });
  }
}
