import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { Module } from '../module/module';
import { Random } from '../random/random';

export type DropoutOptions = {
  /** Probability that a number is dropped, 0 to below 1. Default 0.5. */
  rate?: number;
  /** Where the masks come from, with the step and the call's number in it. Give each layer its own. */
  seed: number;
};

/**
 * In training mode sets each number to 0 with probability `rate` and divides the others by `1 - rate`; otherwise, and for
 * rate 0, does nothing.
 *
 * Source: `torch.nn.Dropout`, equal in distribution. The mask is a function of (seed, step, call within the step), so a
 * resumed run that sets the step (`setDropoutStep`) drops what the unbroken one would have.
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

  /** Starts the masks of a training step. */
  startStep(step: number): void {
    this.#step = step;
    this.#calls = 0;
  }

  /** @returns float32 like `x`. The caller disposes it. */
  forward<T extends tf.Tensor>(x: T): T {
    this.assertUsable();
    if (!this.training || this.rate === 0) return tf.clone(x);
    const random = new Random(this.seed, this.#step, this.#calls++);
    const kept = Float32Array.from({ length: x.size }, () => (random.uniform() < this.rate ? 0 : 1 / (1 - this.rate)));
    return tf.tidy(() => tf.mul(x, tf.tensor(kept, x.shape))) as T;
  }
}

/** Starts a training step in every `Dropout` of a module, itself included. */
export function setDropoutStep(module: Module, step: number): void {
  if (module instanceof Dropout) module.startStep(step);
  for (const child of module.children().values()) setDropoutStep(child, step);
}
