import { gruSteps, trainedGruSteps } from './gru-steps';
import { Recurrent, type RecurrentKind, type RecurrentOptions } from './recurrent';

const GRU: RecurrentKind = {
  where: 'Gru',
  gates: 3,
  states: 1,
  joinsBiases: false,
  steps: gruSteps,
  trainedSteps: trainedGruSteps,
};

/**
 * Gated recurrent unit, unidirectional, one or more layers.
 *
 * For each step, with `p = x · W_ih + b_ih` and `q = h · W_hh + b_hh` in blocks r, z, n: `r = σ(p_r + q_r)`, `z = σ(p_z +
 * q_z)`, `n = tanh(p_n + r q_n)`, `h ← (1 - z) n + z h`, from zeros on. The reset gate comes after the product and its
 * bias, as in PyTorch and cuDNN (Keras: `resetAfter`).
 *
 * Source: `torch.nn.GRU(batch_first=True)` (PyTorch 1.13); largest difference 6e-7 of the largest value, forward and in
 * all gradients. State dict, for layer k: `weight_ih_lk` `[3 hidden, input]`, `weight_hh_lk` `[3 hidden, hidden]`,
 * `bias_ih_lk`, `bias_hh_lk` `[3 hidden]`. Initial values U(±1 / sqrt(hiddenSize)), as in PyTorch. No dropout.
 *
 * @throws RangeError for sizes that are not whole numbers from 1.
 * @example
 * const gru = new Gru({ inputSize: 80, hiddenSize: 512, random: new Random(0) });
 * const y = gru.forward(tf.zeros([1, 120, 80])); // [1, 120, 512]
 */
export class Gru extends Recurrent {
  constructor(options: RecurrentOptions) {
    super(GRU, options);
  }
}
