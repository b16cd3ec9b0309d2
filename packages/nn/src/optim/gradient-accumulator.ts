import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { disposeGradients } from '../autograd/value-and-gradients';

/**
 * Accumulates the gradients of several small batches into that of the large batch that they form.
 *
 * `taken = sum of weight · gradients / sum of weight`: with a mean loss and weights that are the batches' sizes (or
 * equal sizes and no weights), this is the gradient of the mean loss over all samples. Losses that compare samples of a
 * batch with each other cannot be split this way.
 *
 * Owns its sums until `take` or `dispose`.
 *
 * @example
 * const accumulator = new GradientAccumulator();
 * for (const batch of parts) {
 *   const { value, gradients } = valueAndGradients(net, () => net.loss(batch));
 *   accumulator.add(gradients);
 *   disposeGradients(gradients);
 * }
 * const gradients = accumulator.take();
 */
export class GradientAccumulator {
  /** By parameter name, each in its parameter's shape. */
  #sums = new Map<string, tf.Tensor>();
  #total = 0;

  /** Sum of the weights of the additions since the last `take`. */
  get weight(): number {
    return this.#total;
  }

  /**
   * @param gradients float32 by parameter name, each in its parameter's shape. Borrowed.
   * @param weight for example the number of samples. Default 1.
   * @throws Error if the names are not those of the first addition.
   */
  add(gradients: Map<string, tf.Tensor>, weight = 1): void {
    if (!(weight > 0)) fail(RangeError, 'GradientAccumulator.add', 'weight', 'above 0', weight);
    if (
      this.#total > 0 &&
      (gradients.size !== this.#sums.size || [...gradients.keys()].some((name) => !this.#sums.has(name)))
    ) {
      const rule = `under the ${this.#sums.size} names of those before`;
      fail(Error, 'GradientAccumulator.add', 'gradients', rule, [...gradients.keys()]);
    }
    for (const [name, gradient] of gradients) {
      const sum = this.#sums.get(name);
      const next = tf.tidy(() => {
        const weighted = weight === 1 ? tf.clone(gradient) : tf.mul(gradient, weight);
        return sum === undefined ? weighted : tf.add(sum, weighted);
      });
      sum?.dispose();
      this.#sums.set(name, next);
    }
    this.#total += weight;
  }

  /**
   * Returns the weighted mean of the added gradients and starts again from zero.
   *
   * @returns float32 by name, each in its parameter's shape. The caller disposes them.
   * @throws Error if nothing was added.
   */
  take(): Map<string, tf.Tensor> {
    if (this.#total === 0) fail(Error, 'GradientAccumulator.take', 'add', 'called before', 'nothing');
    const [sums, total] = [this.#sums, this.#total];
    this.#sums = new Map();
    this.#total = 0;
    if (total === 1) return sums;
    const means = new Map([...sums].map(([name, sum]) => [name, tf.tidy(() => tf.mul(sum, 1 / total))]));
    disposeGradients(sums);
    return means;
  }

  /** Disposes the sums. Safe to call twice. */
  dispose(): void {
    disposeGradients(this.#sums);
    this.#sums = new Map();
    this.#total = 0;
  }
}
