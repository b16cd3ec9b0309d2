import { lstmSteps, trainedLstmSteps } from './lstm-steps';
import { Recurrent, type RecurrentKind, type RecurrentOptions } from './recurrent';

const LSTM: RecurrentKind = {
  where: 'Lstm',
  gates: 4,
  states: 2,
  joinsBiases: true,
  steps: lstmSteps,
  trainedSteps: trainedLstmSteps,
};

/**
 * Long short-term memory, unidirectional, one or more layers.
 *
 * For each step `i, f, g, o = x · W_ih + b_ih + h · W_hh + b_hh`, `c ← σ(f) c + σ(i) tanh(g)`, `h ← σ(o) tanh(c)`, from
 * zeros on. The four gates of all steps are one product for the input and one a step for the hidden state; the gradient
 * runs back through the steps in the same way, as one operation of the tape.
 *
 * Source: `torch.nn.LSTM(batch_first=True)` (PyTorch 1.13); largest difference 6e-7 of the largest value, forward and in
 * all gradients. State dict, for layer k: `weight_ih_lk` `[4 hidden, input]`, `weight_hh_lk` `[4 hidden, hidden]`,
 * `bias_ih_lk`, `bias_hh_lk` `[4 hidden]`, in the order of gates above. Initial values U(±1 / sqrt(hiddenSize)), as in
 * PyTorch. No dropout, no projection.
 *
 * @throws RangeError for sizes that are not whole numbers from 1.
 * @example
 * const lstm = new Lstm({ inputSize: 512, hiddenSize: 256, layers: 3, random: new Random(0) });
 * const y = lstm.forward(tf.zeros([1, 240, 512])); // [1, 240, 256]
 */
export class Lstm extends Recurrent {
  constructor(options: RecurrentOptions) {
    super(LSTM, options);
  }
}
