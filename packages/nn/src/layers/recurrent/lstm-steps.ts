import * as tf from '@tensorflow/tfjs-core';
import { at, block, type Inputs, logisticSlope, oneEarlier, type Steps, tanhSlope, weightGradient } from './steps';

/** Gates and states of one step, `[batch, hidden]` each. */
type Step = [
  input: tf.Tensor2D,
  forget: tf.Tensor2D,
  candidate: tf.Tensor2D,
  output: tf.Tensor2D,
  cell: tf.Tensor2D,
  hidden: tf.Tensor2D,
];

/**
 * One step. `i, f, g, o` are blocks of `projected + hidden · weight`: `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o)
 * tanh(c')`.
 */
function lstmStep(projected: tf.Tensor2D, weight: tf.Tensor2D, [hidden, cell]: tf.Tensor2D[]): Step {
  const size = weight.shape[0];
  const sums = tf.add<tf.Tensor2D>(projected, tf.matMul(hidden, weight));
  const gates = tf.sigmoid(sums);
  const [input, forget, output] = [0, 1, 3].map((index) => block(gates, index, size));
  const candidate = tf.tanh(block(sums, 2, size));
  const next = tf.add<tf.Tensor2D>(tf.mul(forget, cell), tf.mul(input, candidate));
  return [input, forget, candidate, output, next, tf.mul(output, tf.tanh(next))];
}

/** The states of every step, without a gradient. The caller disposes them. */
export function lstmSteps({ projected, weight, state }: Inputs): Steps {
  const [hidden, cell] = tf.tidy(() => {
    const states: tf.Tensor2D[] = [];
    let last = state;
    for (let t = 0; t < projected.shape[0]; t++) {
      last = tf.tidy(() => lstmStep(at(projected, t), weight, last).slice(4).reverse()); // hidden, cell
      states.push(last[0]);
    }
    return [tf.stack(states), tf.clone(last[1])];
  });
  return {
    hidden: hidden as tf.Tensor3D,
    state: [tf.tidy(() => at(hidden as tf.Tensor3D, projected.shape[0] - 1)), cell as tf.Tensor2D],
  };
}

/**
 * The hidden state after every step, `[time, batch, hidden]`, with gradients by `projected`, `weight` and the state
 * before the first step. Keeps six tensors of the result's shape for the gradient.
 */
export function trainedLstmSteps({ projected, weight, state }: Inputs): tf.Tensor3D {
  const run = tf.customGrad((...all) => {
    const [projected, weight, hidden, cell] = all as tf.Tensor[];
    const save = all[4] as tf.GradSaveFunc;
    const columns: tf.Tensor2D[][] = [[], [], [], [], [], []];
    let last = [hidden, cell] as tf.Tensor2D[];
    for (let t = 0; t < projected.shape[0]; t++) {
      const step = tf.tidy(() => lstmStep(at(projected as tf.Tensor3D, t), weight as tf.Tensor2D, last));
      step.forEach((each, i) => columns[i].push(each));
      last = [step[5], step[4]];
    }
    const sequences = columns.map((column) => tf.stack(column) as tf.Tensor3D);
    save([weight, hidden, cell, ...sequences]);
    return {
      value: sequences[5],
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy as tf.Tensor3D, saved),
    };
  });
  return run(projected, weight, ...state) as tf.Tensor3D;
}

/** Gradients by `projected`, `weight`, the first hidden and the first cell state. */
function gradients(dy: tf.Tensor3D, [w, h, c, ...sequences]: tf.Tensor[]): tf.Tensor[] {
  const [weight, firstHidden, firstCell] = [w, h, c] as tf.Tensor2D[];
  const [input, forget, candidate, output, cell, hidden] = sequences as tf.Tensor3D[];
  return tf.tidy(() => {
    const squashed = tf.tanh(cell);
    // What one step of a gate's sum changes: the cell state in the first three, the hidden state in the last.
    const factors = tf.concat3d(
      [
        tf.mul<tf.Tensor3D>(candidate, logisticSlope(input)),
        tf.mul<tf.Tensor3D>(oneEarlier(firstCell, cell), logisticSlope(forget)),
        tf.mul<tf.Tensor3D>(input, tanhSlope(candidate)),
        tf.mul<tf.Tensor3D>(squashed, logisticSlope(output)),
      ],
      2,
    );
    const through = tf.mul<tf.Tensor3D>(output, tanhSlope(squashed));
    const back = tf.transpose(weight);
    const sums: tf.Tensor2D[] = [];
    let byHidden: tf.Tensor2D = tf.zerosLike(firstHidden);
    let byCell: tf.Tensor2D = tf.zerosLike(firstCell);
    for (let t = dy.shape[0] - 1; t >= 0; t--) {
      const [bySums, earlierHidden, earlierCell] = tf.tidy(() => {
        const dHidden = tf.add<tf.Tensor2D>(at(dy, t), byHidden);
        const dCell = tf.add<tf.Tensor2D>(byCell, tf.mul(dHidden, at(through, t)));
        const bySums = tf.mul<tf.Tensor2D>(tf.concat2d([dCell, dCell, dCell, dHidden], 1), at(factors, t));
        return [bySums, tf.matMul<tf.Tensor2D>(bySums, back), tf.mul<tf.Tensor2D>(dCell, at(forget, t))];
      });
      sums[t] = bySums;
      byHidden = earlierHidden;
      byCell = earlierCell;
    }
    const byProjected = tf.stack(sums) as tf.Tensor3D;
    const byWeight = weightGradient(oneEarlier(firstHidden, hidden), byProjected);
    return [byProjected, byWeight, tf.clone(byHidden), tf.clone(byCell)];
  });
}
