import * as tf from '@tensorflow/tfjs-core';

/**
 * An activation of tensors of any rank with a custom gradient, which keeps only `x`; composed ops would keep three
 * tensors.
 */
function activation(forward: (x: tf.Tensor) => tf.Tensor, derivative: (x: tf.Tensor) => tf.Tensor) {
  return <T extends tf.Tensor>(x: T): T =>
    tf.customGrad((x, save) => {
      (save as tf.GradSaveFunc)([x as tf.Tensor]);
      return {
        value: tf.tidy(() => forward(x as tf.Tensor)),
        gradFunc: (dy: tf.Tensor, [x]: tf.Tensor[]) => tf.tidy(() => tf.mul(dy, derivative(x))),
      };
    })(x) as T;
}

const siluOp = activation(
  (x) => tf.mul(x, tf.sigmoid(x)),
  (x) => {
    const gate = tf.sigmoid(x);
    return tf.mul(gate, tf.add(tf.mul(x, tf.sub(1, gate)), 1));
  },
);

const geluOp = activation(
  (x) => tf.mul(x, normalCdf(x)),
  (x) => tf.add(normalCdf(x), tf.mul(x, tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI)))),
);

/** `Φ(x)` of each element; any rank. */
function normalCdf(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
}

/**
 * `x · sigmoid(x)`, also called swish. PyTorch's `silu`; largest difference 2e-7 of the largest value, gradient
 * included.
 *
 * @param x float32 of any shape.
 * @returns float32 of the same shape. The caller disposes it.
 * @example
 * const y = silu(tf.tensor1d([-1, 0, 1])); // [-0.269, 0, 0.731]
 */
export function silu<T extends tf.Tensor>(x: T): T {
  return siluOp(x);
}

/**
 * `x · Φ(x)` with the normal distribution function `Φ(x) = (1 + erf(x / √2)) / 2`, not the tanh approximation.
 *
 * PyTorch's `gelu`; tfjs computes erf by a rational approximation with an error of 1.5e-7, so the largest difference,
 * absolute for |x| up to 6, is 6e-7, gradient included.
 *
 * @param x float32 of any shape.
 * @returns float32 of the same shape. The caller disposes it.
 * @example
 * const y = gelu(tf.tensor1d([-1, 0, 1])); // [-0.159, 0, 0.841]
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  return geluOp(x);
}

/**
 * `max(x, 0)`; derivative 0 at 0.
 *
 * @param x float32 of any shape.
 * @returns float32 of the same shape. The caller disposes it.
 * @example
 * const y = relu(tf.tensor1d([-1, 0, 1])); // [0, 0, 1]
 */
export function relu<T extends tf.Tensor>(x: T): T {
  return tf.relu(x);
}

/**
 * `max(x, slope · x)`, for slopes from 0 to 1; composed of ReLU, which is fast on every backend (tfjs's own
 * `leakyRelu` takes forty times as long on wasm).
 *
 * PyTorch's `leaky_relu`; largest difference 6e-8 of the largest value.
 *
 * @param x float32 of any shape.
 * @param slope factor of negative values.
 * @returns float32 of the same shape. The caller disposes it.
 * @example
 * const y = leakyRelu(tf.tensor1d([-1, 0, 1]), 0.2); // [-0.2, 0, 1]
 */
export function leakyRelu<T extends tf.Tensor>(x: T, slope: number): T {
  return tf.tidy(() => tf.add(tf.mul(x, slope), tf.mul(tf.relu(x), 1 - slope)) as T);
}
