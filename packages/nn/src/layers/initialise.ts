import { sizeOf } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../random/random';

/**
 * Initial weights or biases as in PyTorch's convolutions and linear layers: `U(-b, b)`, `b = 1 / sqrt(fanIn)`.
 *
 * That is `kaiming_uniform_(a = sqrt(5))` for weights (gain sqrt(2 / (1 + 5)), bound gain · sqrt(3 / fanIn)) and the
 * same bound for biases. Equal in distribution, not value for value.
 *
 * @param fanIn number of inputs of one output: `inChannels · height · width` or `inFeatures`.
 * @returns float32 of the given shape. The caller disposes it.
 * @example
 * const weight = kaimingUniform([3, 3, 8, 16], 3 * 3 * 8, new Random(0)); // [3, 3, 8, 16]
 */
export function kaimingUniform(shape: number[], fanIn: number, random: Random): tf.Tensor {
  const bound = 1 / Math.sqrt(fanIn);
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = random.uniform(-bound, bound);
  return tf.tensor(values, shape, 'float32');
}
