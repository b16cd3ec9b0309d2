import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import { Random } from '../random/random';

export type DropoutOptions = {
  /** Probability that a value is set to 0, from 0 to below 1. Default 0.5. */
  rate?: number;
  /** Seed of the masks, together with the step and the number of the call in it. Give each layer its own. */
  seed: number;
};

/**
 * In training mode sets each value to 0 with probability `rate` and divides the others by `1 - rate`; in evaluation
 * mode, and for rate 0, returns `x` unchanged.
 *
 * Source: `torch.nn.Dropout`, equal in distribution. The mask is a function of (seed, step, call within the step), so a
 * resumed run that sets the step (`setDropoutStep`) drops the same values as an uninterrupted one.
 *
 * @throws RangeError if `rate` is outside [0, 1).
 * @example
 * const dropout = new Dropout({ rate: 0.1, seed: 7 });
 * setDropoutStep(net, step); // before each training step
 */
export class Dropout extends Module {
  readonly rate: number;
  readonly seed: number;
  #step = 0;
  #calls = 0;

  constructor({ rate = 0.5, seed }: DropoutOptions) {
    super();
    if (!(rate >= 0 && rate < 1)) fail(RangeError, 'Dropout', 'rate', 'at least 0 and below 1', rate);
    this.rate = rate;
    this.seed = seed;
  }

  /** Selects the masks of a training step. */
  startStep(step: number): void {
    this.#step = step;
    this.#calls = 0;
  }

  /**
   * @param x float32 of any shape.
   * @returns float32 of the same shape. The caller disposes it.
   */
  forward<T extends tf.Tensor>(x: T): T {
    this.assertUsable();
    if (!this.training || this.rate === 0) return tf.clone(x);
    const random = new Random(this.seed, this.#step, this.#calls++);
    const kept = Float32Array.from({ length: x.size }, () => (random.uniform() < this.rate ? 0 : 1 / (1 - this.rate)));
    return tf.tidy(() => tf.mul(x, tf.tensor(kept, x.shape))) as T;
  }
}

/**
 * Selects the masks of a training step in every `Dropout` of a module, itself included.
 *
 * @param step number of the training step.
 * @example
 * setDropoutStep(net, step); // before each training step
 */
export function setDropoutStep(module: Module, step: number): void {
  if (module instanceof Dropout) module.startStep(step);
  for (const child of module.children().values()) setDropoutStep(child, step);
}
