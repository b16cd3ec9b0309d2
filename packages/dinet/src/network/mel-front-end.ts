import { fail } from '@lipsync/contracts';
import { Conv1d, Module, type Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Values per step and steps that the audio encoder takes: those of a speech recogniser's logits in the published
 * network.
 */
export const MEL_FRONT_END_BINS = 29;
const MEL_FRONT_END_STEPS = 5;

export type MelFrontEndOptions = {
  /** Mel bands. */
  bins: number;
  /** Mel steps of a window; at least 5. */
  steps: number;
  /** Channels inside. */
  channels: number;
  /** Source of the first weights. */
  random: Random;
};

/**
 * Turns a window of mel steps into features of the shape of a speech recogniser's logits, one step per frame; trained
 * with the generator.
 *
 * A convolution of 5 steps, a residual pair of 3, one that reduces `steps` to 5 (kernel 4 and stride 3 for 16), one of
 * a single step. There are no normalisation layers, so loudness is kept; mel values of -4..4 are not scaled. Ours:
 * neither DINet nor the thesis has one.
 *
 * @example
 * const frontEnd = new MelFrontEnd({ bins: 80, steps: 16, channels: 64, random: new Random(0) });
 * const logits = frontEnd.forward(tf.zeros([2, 16, 80])); // [2, 5, 29]
 */
export class MelFrontEnd extends Module {
  readonly bins: number;
  readonly steps: number;
  readonly #first: Conv1d;
  readonly #conv1: Conv1d;
  readonly #conv2: Conv1d;
  readonly #reduce: Conv1d;
  readonly #last: Conv1d;

  constructor({ bins, steps, channels, random }: MelFrontEndOptions) {
    super();
    if (!(Number.isInteger(steps) && steps >= MEL_FRONT_END_STEPS)) {
      fail(RangeError, 'MelFrontEnd', 'steps', `a whole number from ${MEL_FRONT_END_STEPS}`, steps);
    }
    this.bins = bins;
    this.steps = steps;
    const same = (inChannels: number, kernelSize: number, outChannels = channels) =>
      new Conv1d({ inChannels, outChannels, kernelSize, padding: kernelSize >> 1, random });
    const stride = Math.floor(steps / MEL_FRONT_END_STEPS);
    const kernelSize = steps - stride * (MEL_FRONT_END_STEPS - 1); // the last window ends with the last step
    this.#first = this.register('first', same(bins, 5));
    this.#conv1 = this.register('conv1', same(channels, 3));
    this.#conv2 = this.register('conv2', same(channels, 3));
    this.#reduce = this.register(
      'reduce',
      new Conv1d({ inChannels: channels, outChannels: channels, kernelSize, stride, random }),
    );
    this.#last = this.register('last', same(channels, 1, MEL_FRONT_END_BINS));
  }

  /**
   * @param features float32 `[batch, steps, bins]`, borrowed.
   * @returns float32 `[batch, 5, 29]`. The caller disposes it.
   * @throws TypeError for another shape.
   */
  forward(features: tf.Tensor): tf.Tensor3D {
    this.assertUsable();
    if (features.rank !== 3 || features.shape[1] !== this.steps || features.shape[2] !== this.bins) {
      fail(
        TypeError,
        'MelFrontEnd.forward',
        'features',
        `of shape [batch, ${this.steps}, ${this.bins}]`,
        features.shape,
      );
    }
    return tf.tidy(() => {
      const x = relu(this.#first.forward(features));
      const y = relu(tf.add(x, this.#conv2.forward(relu(this.#conv1.forward(x)))));
      return this.#last.forward(relu(this.#reduce.forward(y)));
    });
  }
}
