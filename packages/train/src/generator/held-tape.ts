import { fail } from '@lipsync/contracts';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A forward pass whose backward pass comes later, after something else has been computed from its result.
 *
 * `tf.variableGrads` takes forward pass, loss and backward pass as one synchronous function. A generator's loss needs
 * the scores of discriminators that have just been trained on its output: one would have to run the generator twice, or
 * record the discriminators' training on the same tape, which keeps all their maps. Here the tape is set aside in
 * between: meanwhile the engine is free for other gradients and for `await`.
 *
 * Uses the engine's `state.activeTape` and `state.gradientDepth` of TensorFlow.js 4.22, which are public but not
 * documented. Gradients are the bits of `tf.variableGrads`, see the test.
 *
 * Owns `output`, of any rank, until `dispose`, and what the tape saves until `gradients` or `dispose`.
 *
 * @example
 * const held = new HeldTape(() => net.forward(x));
 * const dy = tf.grad(lossOf)(held.output);
 * const gradients = held.gradients(variables, dy);
 * held.dispose();
 */
export class HeldTape<T extends tf.Tensor = tf.Tensor> {
  readonly output: T;
  #tape: Tape | null;

  constructor(forward: () => T) {
    const { state } = tf.engine();
    if (state.gradientDepth > 0)
      fail(Error, 'HeldTape', 'the forward pass', 'outside other gradients', `depth ${state.gradientDepth}`);
    registerGradients();
    state.activeTape = [];
    state.gradientDepth = 1;
    let output: T | undefined;
    try {
      output = tf.tidy(forward);
    } finally {
      this.#tape = state.activeTape;
      state.gradientDepth = 0;
      (state as { activeTape: Tape | null }).activeTape = null;
      if (output === undefined) this.#forget();
    }
    this.output = output;
  }

  /**
   * The gradients of `sum(output · dy)`; frees the tape.
   *
   * @param dy float32, of the output's shape; borrowed.
   * @returns one gradient a variable, of its shape, the caller's; `null` where the output does not depend on it.
   * @throws Error if called twice.
   */
  gradients(variables: tf.Variable[], dy: tf.Tensor): (tf.Tensor | null)[] {
    const tape = this.#tape;
    const { output } = this;
    if (!tape) return fail(Error, 'HeldTape.gradients', 'the tape', 'held', 'one that was used or disposed');
    if (dy.shape.join() !== output.shape.join())
      fail(TypeError, 'HeldTape.gradients', 'dy', `of shape [${output.shape.join(', ')}]`, dy.shape);
    this.#tape = null;
    const engine = tf.engine();
    const recalled = () => {
      engine.state.activeTape = tape;
      return output;
    };
    const { grads } = engine.gradients(recalled, variables, dy, true);
    return grads.map((gradient) => gradient ?? null);
  }

  /** Safe to call twice. */
  dispose(): void {
    this.#forget();
    if (!this.output.isDisposed) this.output.dispose();
  }

  #forget(): void {
    for (const node of this.#tape ?? []) tf.dispose(node.saved ?? []);
    this.#tape = null;
  }
}

type Tape = ReturnType<typeof tf.engine>['state']['activeTape'];
