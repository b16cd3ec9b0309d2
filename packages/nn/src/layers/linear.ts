import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import type { Random } from '../random/random';
import { kaimingUniform } from './initialise';

/** Options of `Linear`. */
export type LinearOptions = {
  inFeatures: number;
  outFeatures: number;
  /** Whether each output has a bias. Default true. */
  bias?: boolean;
  /** Random numbers for the initial weights. */
  random: Random;
};

/**
 * Linear layer on the last axis: `y [..., out] = x [..., in] · w [in, out] + bias [out]`.
 *
 * Source: `torch.nn.Linear` (PyTorch 1.13); largest difference 2e-7 of the largest value, forward and in all gradients.
 * State dict: `weight` `[out, in]`, `bias` `[out]`. Initial weights and biases U(±1 / sqrt(inFeatures)), as in PyTorch.
 *
 * @throws RangeError for feature counts that are not whole numbers from 1.
 * @example
 * const y = new Linear({ inFeatures: 4, outFeatures: 2, random: new Random(0) }).forward(tf.zeros([3, 7, 4])); // [3, 7, 2]
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** `[inFeatures, outFeatures]`. */
  readonly weight: tf.Variable;
  /** `[outFeatures]`. */
  readonly bias: tf.Variable | undefined;

  constructor({ inFeatures, outFeatures, bias = true, random }: LinearOptions) {
    super();
    for (const [name, value] of Object.entries({ inFeatures, outFeatures })) {
      if (!(Number.isInteger(value) && value >= 1)) fail(RangeError, 'Linear', name, 'a whole number from 1', value);
    }
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = this.parameter('weight', kaimingUniform([inFeatures, outFeatures], inFeatures, random), 'linear');
    this.bias = bias ? this.parameter('bias', kaimingUniform([outFeatures], inFeatures, random)) : undefined;
  }

  /**
   * @param x float32 `[..., inFeatures]`.
   * @returns float32 `[..., outFeatures]`. The caller disposes it.
   * @throws TypeError if the last axis has another size.
   */
  forward<R extends tf.Rank>(x: tf.Tensor<R>): tf.Tensor<R> {
    this.assertUsable();
    if (x.rank < 1 || x.shape[x.rank - 1] !== this.inFeatures) {
      fail(TypeError, 'Linear.forward', 'x', `of shape [..., ${this.inFeatures}]`, x.shape);
    }
    return tf.tidy(() => {
      const rows = tf.reshape(x, [-1, this.inFeatures]) as tf.Tensor2D;
      const product = tf.matMul(rows, this.weight as unknown as tf.Tensor2D);
      const y = this.bias ? tf.add(product, this.bias) : product;
      return tf.reshape(y, [...x.shape.slice(0, -1), this.outFeatures] as tf.ShapeMap[R]);
    });
  }
}
