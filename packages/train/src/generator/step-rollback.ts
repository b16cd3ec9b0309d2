import type { AdamW, Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Undoes an optimiser's step: keeps the module's parameters and buffers and the optimiser's moments as they were.
 *
 * Copies nothing: a clone shares its data until the variable is assigned another tensor.
 *
 * @example
 * const before = new StepRollback(net, optimizer);
 * try {
 *   optimizer.step(gradients);
 * } catch (error) {
 *   before.restore();
 *   throw error;
 * } finally {
 *   before.dispose();
 * }
 */
export class StepRollback {
  /** Any rank: each value is of its variable's shape. */
  readonly #kept: { variable: tf.Variable; value: tf.Tensor }[];
  readonly #means?: ReturnType<AdamW['snapshot']>;

  /** @param optimizer Left out, only the module's buffers are kept: what a forward pass changes. */
  constructor(module: Module, optimizer?: AdamW) {
    const variables = [...(optimizer ? module.namedParameters().values() : []), ...module.namedBuffers().values()];
    // any rank
    this.#kept = variables.map(({ variable }) => ({ variable, value: tf.clone(variable as tf.Tensor) }));
    this.#means = optimizer?.snapshot();
  }

  /** Restores everything. */
  restore(): void {
    for (const { variable, value } of this.#kept) variable.assign(value);
    this.#means?.restore();
  }

  /** Safe to call twice. */
  dispose(): void {
    for (const { value } of this.#kept.splice(0)) value.dispose();
    this.#means?.dispose();
  }
}
