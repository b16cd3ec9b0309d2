import type { AdamW, Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * What undoes an optimiser's step: the module's parameters and buffers, and the optimiser's means, as they were.
 *
 * Costs no copy: a clone shares its numbers until the variable is assigned others. The means are read where `AdamW` keeps them, since `state()`
 * would bring all numbers over from the backend in every step.
 *
 * @example
 * const before = new StepRollback(net, optimizer);
 * try { optimizer.step(gradients); … } catch (error) { before.restore(); throw error; } finally { before.dispose(); }
 */
export class StepRollback {
  private readonly kept: { variable: tf.Variable; value: tf.Tensor }[];
  private readonly optimizer?: AdamW;
  private readonly steps: number;

  /** @param optimizer Without it, only the module's buffers are kept: what a forward pass changes. */
  constructor(module: Module, optimizer?: AdamW) {
    const own = optimizer ? [...module.namedParameters().values(), ...optimizer['expAvg'].values(), ...optimizer['expAvgSq'].values()] : [];
    this.kept = [...own, ...module.namedBuffers().values()].map(({ variable }) => ({ variable, value: tf.clone(variable as tf.Tensor) }));
    this.optimizer = optimizer;
    this.steps = optimizer?.stepCount ?? 0;
  }

  /** Puts all back. */
  restore(): void {
    for (const { variable, value } of this.kept) variable.assign(value);
    if (this.optimizer) this.optimizer['steps'] = this.steps;
  }

  /** Safe to call twice. */
  dispose(): void {
    for (const { value } of this.kept) value.dispose();
    this.kept.length = 0;
  }
}
