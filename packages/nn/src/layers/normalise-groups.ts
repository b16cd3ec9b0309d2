import * as tf from '@tensorflow/tfjs-core';
import { FUSED_KERNELS, type GroupNormAttributes } from '../kernels/kernels';

/**
 * `x` `[batch, ..., channels]`, `gamma` and `beta` `[channels]`, then the statistics: `composed` has mean and scale,
 * both `[batch, groups]`, `fused` one tensor in the kernel's own layout.
 */
type Saved = tf.Tensor[];

/** Repeats the value of each group for its channels: `[batch, groups]` to `[batch, 1, channels]`. */
function perChannel(perGroup: tf.Tensor, channels: number): tf.Tensor {
  const [batch, groups] = perGroup.shape;
  if (groups === channels) return tf.reshape(perGroup, [batch, 1, channels]);
  const spread = tf.tile(tf.reshape(perGroup, [batch, groups, 1]), [1, 1, channels / groups]);
  return tf.reshape(spread, [batch, 1, channels]);
}

/** Mean over positions and the channels of each group: `[batch, positions, channels]` to `[batch, groups]`. */
function groupMean(x: tf.Tensor, groups: number): tf.Tensor {
  const [batch, , channels] = x.shape;
  const overPositions = tf.mean(x, 1); // the long axis first, in which neighbouring channels are contiguous
  return groups === channels
    ? overPositions
    : tf.mean(tf.reshape(overPositions, [batch, groups, channels / groups]), 2);
}

/** By tfjs ops: `x` `[batch, ..., channels]`, `gamma` and `beta` `[channels]`; the result is like `x`. */
function composed(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, attributes: GroupNormAttributes): tf.Tensor {
  const { groups, epsilon, activation } = attributes;
  const channels = gamma.size;
  const flat = [x.shape[0], x.size / (x.shape[0] * channels), channels];

  // x [batch, ..., channels], mean and scale [batch, groups]; the result [batch, positions, channels]
  const normalised = (x: tf.Tensor, mean: tf.Tensor, scale: tf.Tensor) =>
    tf.mul(tf.sub(tf.reshape(x, flat), perChannel(mean, channels)), perChannel(scale, channels));
  // xHat [batch, positions, channels], gamma and beta [channels]
  const affine = (xHat: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => tf.add(tf.mul(xHat, gamma), beta);

  return tf.customGrad((x, gamma, beta, save) => {
    const [y, mean, scale] = tf.tidy(() => {
      const flatX = tf.reshape(x as tf.Tensor, flat);
      const mean = groupMean(flatX, groups);
      const centred = tf.sub(flatX, perChannel(mean, channels));
      const scale = tf.rsqrt(tf.add(groupMean(tf.square(centred), groups), epsilon));
      const linear = affine(tf.mul(centred, perChannel(scale, channels)), gamma as tf.Tensor, beta as tf.Tensor);
      const y = activation === 'silu' ? tf.mul(linear, tf.sigmoid(linear)) : linear;
      return [tf.reshape(y, (x as tf.Tensor).shape), mean, scale];
    });
    (save as tf.GradSaveFunc)([x, gamma, beta, mean, scale] as Saved);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [x, gamma, beta, mean, scale]: Saved) =>
        tf.tidy(() => {
          const xHat = normalised(x, mean, scale);
          let slope = tf.reshape(dy, flat);
          if (activation === 'silu') {
            const linear = affine(xHat, gamma, beta);
            const gate = tf.sigmoid(linear);
            slope = tf.mul(slope, tf.mul(gate, tf.add(tf.mul(linear, tf.sub(1, gate)), 1)));
          }
          const times = tf.mul(slope, xHat);
          const byGamma = tf.mul(slope, gamma);
          // dx = scale · (g - mean(g) - xHat · mean(g · xHat)), g = dy · gamma, means over each group
          const meanG = perChannel(groupMean(byGamma, groups), channels);
          const meanGX = perChannel(groupMean(tf.mul(times, gamma), groups), channels);
          const inner = tf.sub(tf.sub(byGamma, meanG), tf.mul(xHat, meanGX));
          const dx = tf.reshape(tf.mul(inner, perChannel(scale, channels)), x.shape);
          return [dx, tf.sum(times, [0, 1]), tf.sum(slope, [0, 1])];
        }),
    };
  })(x, gamma, beta);
}

/** As `composed`, by one kernel. */
function fused(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, attributes: GroupNormAttributes): tf.Tensor {
  // inputs by the names that the kernel has for them: x and dy [batch, ..., channels], gamma and beta [channels]
  const run = (name: string, inputs: Record<string, tf.Tensor>) =>
    tf.engine().runKernel(name, inputs, attributes) as unknown as tf.Tensor[];
  return tf.customGrad((x, gamma, beta, save) => {
    const inputs = { x, gamma, beta } as Record<string, tf.Tensor>;
    const [y, statistics] = run(FUSED_KERNELS.groupNorm, inputs);
    (save as tf.GradSaveFunc)([x, gamma, beta, statistics] as Saved);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [x, gamma, beta, statistics]: Saved) =>
        run(FUSED_KERNELS.groupNormGrad, { x, gamma, beta, statistics, dy }),
    };
  })(x, gamma, beta);
}

/**
 * Normalises each group of channels of each sample over all positions, scales, shifts and activates:
 * `f(gamma · (x - mean) / sqrt(variance + epsilon) + beta)`, variance over n, not n - 1.
 *
 * Runs as one kernel where the current backend has those of `FUSED_KERNELS`, else composed of tfjs ops. The gradient is
 * implemented explicitly, so that only `x` and the statistics are kept for it.
 *
 * @param x float32 `[batch, ..., channels]`; the middle axes may be absent or of size 1.
 * @param gamma float32 `[channels]`, as `beta`.
 * @returns float32 like `x`. The caller disposes it.
 */
export function normaliseGroups<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  attributes: GroupNormAttributes,
): T {
  const backend = tf.getBackend();
  const hasKernels = [FUSED_KERNELS.groupNorm, FUSED_KERNELS.groupNormGrad].every(
    (name) => tf.getKernel(name, backend) != null,
  );
  return (hasKernels ? fused : composed)(x, gamma, beta, attributes) as T;
}
