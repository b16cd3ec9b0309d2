import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';

export type LayerNormOptions = {
  /** Size of the last axis. */
  features: number;
  /** Added to the variance. Default 1e-5. */
  epsilon?: number;
};

/** `x` is `[..., features]`, `gamma` and `beta` are `[features]`; the result is like `x`. */
function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: number): tf.Tensor {
  const features = gamma.size;
  const rows: [number, number] = [x.size / features, features];
  return tf.customGrad((x, gamma, beta, save) => {
    const [y, xHat, scale] = tf.tidy(() => {
      const flat = tf.reshape<tf.Rank.R2>(x as tf.Tensor, rows);
      const centred = tf.sub(flat, tf.mean(flat, 1, true));
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
      const xHat = tf.mul(centred, scale);
      const y = tf.add(tf.mul(xHat, gamma as tf.Tensor), beta as tf.Tensor);
      return [tf.reshape(y, (x as tf.Tensor).shape), xHat, scale];
    });
    // xHat [rows, features], scale [rows, 1]
    (save as tf.GradSaveFunc)([xHat, scale, gamma as tf.Tensor]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [xHat, scale, gamma]: tf.Tensor[]) =>
        tf.tidy(() => {
          const slope = tf.reshape(dy, rows);
          const byGamma = tf.mul(slope, gamma);
          // dx = scale · (g - mean(g) - xHat · mean(g · xHat)), g = dy · gamma
          const along = tf.mul(xHat, tf.mean(tf.mul(byGamma, xHat), 1, true));
          const dx = tf.mul(tf.sub(tf.sub(byGamma, tf.mean(byGamma, 1, true)), along), scale);
          return [tf.reshape(dx, dy.shape), tf.sum(tf.mul(slope, xHat), 0), tf.sum(slope, 0)];
        }),
    };
  })(x, gamma, beta);
}

/**
 * Layer normalisation over the last axis with a learned scale and shift of each feature.
 *
 * `y = gamma · (x - mean) / sqrt(variance + epsilon) + beta`, variance over n.
 *
 * Source: `torch.nn.LayerNorm` over one axis (PyTorch 1.13); largest difference 1e-6 of the largest value, forward and
 * in all gradients. State dict: `weight` and `bias`, both `[features]`, initially 1 and 0.
 *
 * @example
 * const y = new LayerNorm({ features: 16 }).forward(tokens); // [batch, tokens, 16]
 */
export class LayerNorm extends Module {
  readonly features: number;
  readonly epsilon: number;
  /** `[features]`. */
  readonly weight: tf.Variable;
  /** `[features]`. */
  readonly bias: tf.Variable;

  constructor({ features, epsilon = 1e-5 }: LayerNormOptions) {
    super();
    if (!(Number.isInteger(features) && features >= 1)) {
      fail(RangeError, 'LayerNorm', 'features', 'a whole number from 1', features);
    }
    this.features = features;
    this.epsilon = epsilon;
    this.weight = this.parameter('weight', tf.ones([features]));
    this.bias = this.parameter('bias', tf.zeros([features]));
  }

  /**
   * @param x float32 `[..., features]`.
   * @returns float32 like `x`. The caller disposes it.
   * @throws TypeError if the last axis has another size.
   */
  forward<T extends tf.Tensor>(x: T): T {
    this.assertUsable();
    if (x.rank < 1 || x.shape[x.rank - 1] !== this.features) {
      fail(TypeError, 'LayerNorm.forward', 'x', `of shape [..., ${this.features}]`, x.shape);
    }
    return layerNorm(x, this.weight, this.bias, this.epsilon) as T;
  }
}
