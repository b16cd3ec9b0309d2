import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { type Module, type Parameter, readState, writeState } from '../module/module';

export type ExponentialMovingAverageOptions = {
  /**
   * Share of the old average that each update keeps, 0 to below 1; 0.999 averages over about the last thousand steps.
   */
  decay: number;
  /**
   * Whether the first updates keep less, `min(decay, (1 + step) / (10 + step))`, so that the initial weights fade.
   * Default true.
   */
  warmup?: boolean;
};

/**
 * Exponential moving average of a module's weights, which often performs better than the weights themselves.
 *
 * `average ← average + (1 - d) · (weight - average)`; buffers, such as running statistics, are copied. The warm-up is
 * that of `tf.train.ExponentialMovingAverage` with `num_updates`.
 *
 * Owns one tensor for each parameter and buffer until `dispose`; the module stays the caller's.
 *
 * @throws RangeError if `decay` is outside [0, 1).
 * @example
 * const average = new ExponentialMovingAverage(net, { decay: 0.999 });
 * average.update(step); // after each optimiser step
 * scorer.loadStateDict(await average.stateDict());
 */
export class ExponentialMovingAverage {
  readonly decay: number;
  readonly warmup: boolean;
  readonly #parameters: Map<string, Parameter>;
  readonly #buffers: Map<string, Parameter>;
  readonly #averages = new Map<string, Parameter>();

  constructor(module: Module, { decay, warmup = true }: ExponentialMovingAverageOptions) {
    if (!(decay >= 0 && decay < 1))
      fail(RangeError, 'ExponentialMovingAverage', 'decay', 'at least 0 and below 1', decay);
    this.decay = decay;
    this.warmup = warmup;
    this.#parameters = module.namedParameters();
    this.#buffers = module.namedBuffers();
    for (const [name, entry] of [...this.#parameters, ...this.#buffers]) {
      this.#averages.set(name, { ...entry, variable: tf.variable(entry.variable, false) });
    }
  }

  /**
   * Updates the average with the module's present weights.
   *
   * @param step number of updates before this one, for the warm-up.
   */
  update(step: number): void {
    const decay = this.warmup ? Math.min(this.decay, (1 + step) / (10 + step)) : this.decay;
    tf.tidy(() => {
      const share = tf.scalar(1 - decay);
      for (const [name, { variable }] of this.#parameters) {
        const average = (this.#averages.get(name) as Parameter).variable;
        tf.tidy(() => average.assign(tf.add(average, tf.mul(tf.sub(variable, average), share))));
      }
    });
    for (const [name, { variable }] of this.#buffers) {
      tf.tidy(() => (this.#averages.get(name) as Parameter).variable.assign(tf.clone(variable)));
    }
  }

  /** The averages as a state dict of the module. */
  stateDict(): Promise<Map<string, NamedArray>> {
    return readState(this.#averages);
  }

  /**
   * Loads averages.
   *
   * @throws Error that lists every missing, unused and misshapen name.
   */
  loadStateDict(state: Map<string, NamedArray>): void {
    writeState(this.#averages, state, 'ExponentialMovingAverage.loadStateDict');
  }

  /** Disposes the averages. Safe to call twice. */
  dispose(): void {
    for (const { variable } of this.#averages.values()) if (!variable.isDisposed) variable.dispose();
  }
}
