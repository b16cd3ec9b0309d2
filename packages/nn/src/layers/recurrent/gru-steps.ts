import * as tf from '@tensorflow/tfjs-core';
import { at, block, type Inputs, logisticSlope, oneEarlier, type Steps, tanhSlope, weightGradient } from './steps';

/** Gates of one step, the candidate's recurrent part, and the new state; `[batch, hidden]` each. */
type Step = [
  reset: tf.Tensor2D,
  update: tf.Tensor2D,
  candidate: tf.Tensor2D,
  recurrent: tf.Tensor2D,
  hidden: tf.Tensor2D,
];

/**
 * One step. `p` are the blocks of `projected`, `q` those of `hidden · weight + bias`: `r = σ(p_r + q_r)`, `z = σ(p_z +
 * q_z)`, `n = tanh(p_n + r q_n)`, `h' = (1 - z) n + z h`.
 */
function gruStep(projected: tf.Tensor2D, { weight, bias }: Pick<Inputs, 'weight' | 'bias'>, hidden: tf.Tensor2D): Step {
  const size = weight.shape[0];
  const own = tf.add<tf.Tensor2D>(tf.matMul(hidden, weight), bias);
  const gates = tf.sigmoid(tf.add<tf.Tensor2D>(projected, own));
  const [reset, update] = [block(gates, 0, size), block(gates, 1, size)];
  const recurrent = block(own, 2, size);
  const candidate = tf.tanh(tf.add<tf.Tensor2D>(block(projected, 2, size), tf.mul(reset, recurrent)));
  const next = tf.add<tf.Tensor2D>(candidate, tf.mul(update, tf.sub(hidden, candidate)));
  return [reset, update, candidate, recurrent, next];
}

/** The states of every step, without a gradient. The caller disposes them. */
export function gruSteps({ projected, weight, bias, state }: Inputs): Steps {
  const hidden = tf.tidy(() => {
    const states: tf.Tensor2D[] = [];
    let last = state[0];
    for (let t = 0; t < projected.shape[0]; t++) {
      last = tf.tidy(() => gruStep(at(projected, t), { weight, bias }, last)[4]);
      states.push(last);
    }
    return tf.stack(states) as tf.Tensor3D;
  });
  return { hidden, state: [tf.tidy(() => at(hidden, projected.shape[0] - 1))] };
}

/**
 * The hidden state after every step, `[time, batch, hidden]`, with gradients by `projected`, `weight`, `bias` and the
 * state before the first step. Keeps five tensors of the result's shape for the gradient.
 */
export function trainedGruSteps({ projected, weight, bias, state }: Inputs): tf.Tensor3D {
  const run = tf.customGrad((...all) => {
    const [projected, weight, bias, first] = all as tf.Tensor[];
    const save = all[4] as tf.GradSaveFunc;
    const parameters = { weight: weight as tf.Tensor2D, bias: bias as tf.Tensor1D };
    const columns: tf.Tensor2D[][] = [[], [], [], [], []];
    let last = first as tf.Tensor2D;
    for (let t = 0; t < projected.shape[0]; t++) {
      const step = tf.tidy(() => gruStep(at(projected as tf.Tensor3D, t), parameters, last));
      step.forEach((each, i) => columns[i].push(each));
      last = step[4];
    }
    const sequences = columns.map((column) => tf.stack(column) as tf.Tensor3D);
    save([weight, first, ...sequences]);
    return {
      value: sequences[4],
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy as tf.Tensor3D, saved),
    };
  });
  return run(projected, weight, bias, state[0]) as tf.Tensor3D;
}

/** Gradients by `projected`, `weight`, `bias` and the first state. */
function gradients(dy: tf.Tensor3D, [w, first, ...sequences]: tf.Tensor[]): tf.Tensor[] {
  const weight = w as tf.Tensor2D;
  const [reset, update, candidate, recurrent, hidden] = sequences as tf.Tensor3D[];
  return tf.tidy(() => {
    const earlier = oneEarlier(first as tf.Tensor2D, hidden);
    const byCandidate = tf.mul<tf.Tensor3D>(tf.sub(1, update), tanhSlope(candidate));
    // What one step of the recurrent part's blocks changes in the hidden state.
    const factors = tf.concat3d(
      [
        tf.mul<tf.Tensor3D>(tf.mul(byCandidate, recurrent), logisticSlope(reset)),
        tf.mul<tf.Tensor3D>(tf.sub(earlier, candidate), logisticSlope(update)),
        tf.mul<tf.Tensor3D>(byCandidate, reset),
      ],
      2,
    );
    const back = tf.transpose(weight);
    const recurrents: tf.Tensor2D[] = [];
    const hiddens: tf.Tensor2D[] = [];
    let byHidden: tf.Tensor2D = tf.zerosLike(first as tf.Tensor2D);
    for (let t = dy.shape[0] - 1; t >= 0; t--) {
      const [byOwn, dHidden, earlierHidden] = tf.tidy(() => {
        const dHidden = tf.add<tf.Tensor2D>(at(dy, t), byHidden);
        const byOwn = tf.mul<tf.Tensor2D>(tf.concat2d([dHidden, dHidden, dHidden], 1), at(factors, t));
        const earlierHidden = tf.add<tf.Tensor2D>(tf.mul(dHidden, at(update, t)), tf.matMul(byOwn, back));
        return [byOwn, dHidden, earlierHidden];
      });
      recurrents[t] = byOwn;
      hiddens[t] = dHidden;
      byHidden = earlierHidden;
    }
    const byOwn = tf.stack(recurrents) as tf.Tensor3D;
    const [time, batch, columns] = byOwn.shape;
    const size = columns / 3;
    // The candidate's block of the projection is not multiplied by the reset gate.
    const byLast = tf.mul<tf.Tensor3D>(tf.stack(hiddens) as tf.Tensor3D, byCandidate);
    const byProjected = tf.concat3d([tf.slice3d(byOwn, [0, 0, 0], [time, batch, 2 * size]), byLast], 2);
    return [byProjected, weightGradient(earlier, byOwn), tf.sum(byOwn, [0, 1]), tf.clone(byHidden)];
  });
}
