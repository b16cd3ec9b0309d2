import * as tf from '@tensorflow/tfjs-core';

/** Slope below 0. */
const LEAK = 0.2;

/**
 * `max(x, 0.2 x)`, composed of ReLU, which is fast on every backend (tfjs's own takes forty times as long on wasm). Of
 * any rank.
 */
export function leakyRelu<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => tf.add(tf.mul(x, LEAK), tf.mul(tf.relu(x), 1 - LEAK))) as T;
}
