import * as tf from '@tensorflow/tfjs-core';

/** What a run over some steps gives. */
export type Steps = {
  /** `[time, batch, hidden]`: the hidden state after each step. */
  hidden: tf.Tensor3D;
  /** State after the last step, each `[batch, hidden]`: the hidden state, and an LSTM's cell state. */
  state: tf.Tensor2D[];
};

/** What one layer does in a sequence. */
export type Inputs = {
  /** `[time, batch, gates · hidden]`: the gates' sums without their recurrent part. */
  projected: tf.Tensor3D;
  /** `[hidden, gates · hidden]`. */
  weight: tf.Tensor2D;
  /** `[gates · hidden]`: added to the recurrent part. An LSTM has it in `projected`. */
  bias: tf.Tensor1D;
  /** State before the first step, each `[batch, hidden]`. */
  state: tf.Tensor2D[];
};

/** Column block `index` of `[batch, blocks · size]`. */
export function block(x: tf.Tensor2D, index: number, size: number): tf.Tensor2D {
  return tf.slice2d(x, [0, index * size], [x.shape[0], size]);
}

/** Step `t` of `[time, batch, values]`, `[batch, values]`. Not by `tf.unstack`: on wasm it takes many times as long. */
export function at(sequence: tf.Tensor3D, t: number): tf.Tensor2D {
  const [, batch, values] = sequence.shape;
  return tf.reshape(tf.slice3d(sequence, [t, 0, 0], [1, batch, values]), [batch, values]);
}

/** `[time, batch, hidden]` of states one step earlier, `first` `[batch, hidden]` before the first step. */
export function oneEarlier(first: tf.Tensor2D, states: tf.Tensor3D): tf.Tensor3D {
  const [time, batch, size] = states.shape;
  const start = tf.reshape<tf.Rank.R3>(first, [1, batch, size]);
  return time === 1 ? start : tf.concat3d([start, tf.slice3d(states, [0, 0, 0], [time - 1, batch, size])], 0);
}

/** Slope of the logistic function by its value; any rank. */
export function logisticSlope(value: tf.Tensor3D): tf.Tensor3D {
  return tf.mul(value, tf.sub(1, value));
}

/** `1 - value²`, the slope of tanh by its value; any rank. */
export function tanhSlope(value: tf.Tensor3D): tf.Tensor3D {
  return tf.sub(1, tf.square(value));
}

/** `[in, out]` gradient of a weight by `x` `[time, batch, in]` and `dy` `[time, batch, out]`. */
export function weightGradient(x: tf.Tensor3D, dy: tf.Tensor3D): tf.Tensor2D {
  const rows = (each: tf.Tensor3D) => tf.reshape<tf.Rank.R2>(each, [-1, each.shape[2]]);
  return tf.matMul(rows(x), rows(dy), true, false);
}
