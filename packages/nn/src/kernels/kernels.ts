/**
 * Names of fused kernels. The layers and `AdamW` use one where the current backend has it registered
 * (`tf.getKernel(name, tf.getBackend())`); elsewhere they compose the same from tfjs ops.
 *
 * `groupNorm`: inputs `{ x: [N, ..., C], gamma: [C], beta: [C] }`, attributes `{ groups, epsilon, activation }` with
 * activation `'none' | 'silu'`, outputs `[y like x, statistics [N, groups, 2]]`, the statistics being mean and 1 /
 * sqrt(variance + epsilon).
 *
 * `groupNormGrad`: inputs `{ x, gamma, beta, statistics, dy }`, the same attributes, outputs `[dx, dgamma, dbeta]`.
 *
 * `convolution`: inputs `{ x: [N, H, W, in], filter: [h, w, in, out], bias: [out] }`, attributes
 * `ConvolutionAttributes`, output `conv2d + bias`.
 *
 * `adamW`: inputs `{ parameter, gradient, expAvg, expAvgSq }` of one shape, attributes `AdamWAttributes`, outputs the
 * three but the gradient, one step on: `m' = m + (g - m)(1 - β1)`, `v' = v + (g² - v)(1 - β2)`, `p' = p · decay -
 * stepSize · m' / (sqrt(v') + epsilon)`.
 *
 * `sumOfSquares`: input `{ x }`, output a scalar, summed in float64.
 */
export const FUSED_KERNELS = {
  groupNorm: 'LipsyncGroupNorm',
  groupNormGrad: 'LipsyncGroupNormGrad',
  convolution: 'LipsyncConvolution',
  adamW: 'LipsyncAdamW',
  sumOfSquares: 'LipsyncSumOfSquares',
} as const;

/** Attributes of both GroupNorm kernels. */
export type GroupNormAttributes = { groups: number; epsilon: number; activation: 'none' | 'silu' };

/** Attributes of the convolution kernel: those of tfjs's `Conv2D` over NHWC, without dilation. */
export type ConvolutionAttributes = {
  strides: [number, number];
  pad: [[0, 0], [number, number], [number, number], [0, 0]];
};

/** Attributes of the AdamW kernel; the caller computes those that depend on the step number. */
export type AdamWAttributes = { beta1: number; beta2: number; epsilon: number; stepSize: number; decay: number };
