import { BatchNorm2d, Linear, leakyRelu, Module, type Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Linear layers, each but the last followed by batch normalisation and a leaky ReLU of slope 0.2, numbered as
 * `torch.nn.Sequential` counts them: `0` linear, `1` norm, `2` (without parameters), `3` linear, …
 *
 * Normalisation is over all steps of all sequences, as of `torch.nn.BatchNorm1d` over flattened rows.
 */
export class Mlp extends Module {
  readonly #linears: Linear[] = [];
  readonly #norms: BatchNorm2d[] = [];

  /** @param sizes values of the input, of each hidden layer, of the output. */
  constructor(sizes: number[], random: Random) {
    super();
    for (let i = 0; i + 1 < sizes.length; i++) {
      const linear = new Linear({ inFeatures: sizes[i], outFeatures: sizes[i + 1], random });
      this.#linears.push(this.register(`${3 * i}`, linear));
      if (i + 2 < sizes.length) {
        this.#norms.push(this.register(`${3 * i + 1}`, new BatchNorm2d({ channels: sizes[i + 1] })));
      }
    }
  }

  /**
   * @param x float32 `[batch, time, values]`, borrowed.
   * @returns float32 `[batch, time, values']`. The caller disposes it.
   */
  forward(x: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() =>
      this.#linears.reduce((y, linear, i) => {
        const sums = linear.forward(y) as tf.Tensor3D;
        return i < this.#norms.length ? leakyRelu(this.#norms[i].forward(sums), 0.2) : sums;
      }, x),
    );
  }
}
