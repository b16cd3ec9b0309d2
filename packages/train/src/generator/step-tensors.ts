import { disposeGradients, type GradientAccumulator } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { HeldTape } from './held-tape';

/** Everything that one training step makes, freed at its end however it ends. */
export class StepTensors {
  readonly #parts: { dispose(): void }[] = [];

  /** Any rank. */
  add<T extends tf.Tensor>(tensor: T): T {
    this.#parts.push(tensor);
    return tensor;
  }

  /** By parameter name, each of its parameter's shape. */
  addGradients(gradients: Map<string, tf.Tensor>): Map<string, tf.Tensor> {
    this.#parts.push({ dispose: () => disposeGradients(gradients) });
    return gradients;
  }

  /** Of an output of any rank. */
  addTape<T extends tf.Tensor>(tape: HeldTape<T>): HeldTape<T> {
    this.#parts.push(tape);
    return tape;
  }

  addSums(sums: GradientAccumulator): GradientAccumulator {
    this.#parts.push(sums);
    return sums;
  }

  dispose(): void {
    for (const part of this.#parts) part.dispose();
  }
}

/** Reads named scalars, borrowed, in one transfer. */
export async function readScalars(scalars: Record<string, tf.Scalar>): Promise<Record<string, number>> {
  const names = Object.keys(scalars);
  if (names.length === 0) return {};
  const stacked = tf.tidy(() => tf.stack(names.map((name) => scalars[name])));
  try {
    const values = await stacked.data();
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  } finally {
    stacked.dispose();
  }
}
