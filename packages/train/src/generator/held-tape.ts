import { fail } from '@lipsync/contracts';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A forward pass whose backward pass comes later, when something else has been computed from its result.
 *
 * `tf.variableGrads` wants forward pass, loss and backward pass in one synchronous function. A generator's loss needs the scores of
 * discriminators that have just been trained on what it painted: one would have to paint twice, or to record the discriminators' training on
 * the same tape, which keeps all their maps. Here the tape is set aside in between; the engine is free, for gradients of its own and for waiting.
 *
 * Uses the engine's `state.activeTape` and `state.gradientDepth` of TensorFlow.js 4.22, which are public but not documented. Gradients are the bits
 * of `tf.variableGrads`, see the test.
 *
 * Owns `output` and what the tape saves, until `gradients` (the tape) and `dispose` (both).
 *
 * @example
 * const held = new HeldTape(() => net.forward(x));
 * const dy = tf.grad(lossOf)(held.output);
 * const gradients = held.gradients(variables, dy);
 * held.dispose();
 */
export class HeldTape<T extends tf.Tensor = tf.Tensor> {
  readonly output: T;
  private tape: Tape | null;

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
      this.tape = state.activeTape;
      state.gradientDepth = 0;
      (state as { activeTape: Tape | null }).activeTape = null;
      if (output === undefined) this.forget();
    }
    this.output = output;
  }

  /**
   * The gradients of `sum(output · dy)`; frees the tape.
   *
   * @param dy float32, of the output's shape; borrowed.
   * @returns one a variable, the caller's; `null` for those that the output does not depend on.
   * @throws Error if called twice.
   */
  gradients(variables: tf.Variable[], dy: tf.Tensor): (tf.Tensor | null)[] {
    const { tape, output } = this;
    if (!tape) return fail(Error, 'HeldTape.gradients', 'the tape', 'held', 'one that was used or disposed');
    if (dy.shape.join() !== output.shape.join())
      fail(TypeError, 'HeldTape.gradients', 'dy', `of shape [${output.shape.join(', ')}]`, dy.shape);
    this.tape = null;
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
    this.forget();
    if (!this.output.isDisposed) this.output.dispose();
  }

  private forget(): void {
    for (const node of this.tape ?? []) tf.dispose(node.saved ?? []);
    this.tape = null;
  }
}

type Tape = ReturnType<typeof tf.engine>['state']['activeTape'];
