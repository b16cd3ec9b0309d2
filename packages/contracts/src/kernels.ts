/**
 * Names of fused kernels that `@lipsync/backends` registers and `@lipsync/nn` uses where the current backend has them
 * (`tf.getKernel(name, tf.getBackend())`); elsewhere `nn` composes the same from tfjs ops.
 *
 * `groupNorm`: inputs `{ x: [N, ..., C], gamma: [C], beta: [C] }`, attributes `{ groups, epsilon, activation }` with
 * activation `'none' | 'silu'`, outputs `[y like x, statistics [N, groups, 2]]`, the statistics being mean and 1 / sqrt(variance + epsilon).
 *
 * `groupNormGrad`: inputs `{ x, gamma, beta, statistics, dy }`, the same attributes, outputs `[dx, dgamma, dbeta]`.
 */
export const FUSED_KERNELS = {
  groupNorm: 'LipsyncGroupNorm',
  groupNormGrad: 'LipsyncGroupNormGrad',
} as const;

/** Attributes of both fused kernels. */
export type GroupNormAttributes = { groups: number; epsilon: number; activation: 'none' | 'silu' };
