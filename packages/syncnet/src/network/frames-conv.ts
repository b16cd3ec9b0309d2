import { kaimingUniform, Module, type Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

export type FramesConvOptions = {
  inChannels: number;
  outChannels: number;
  /** `[time, height, width]`. */
  kernelSize: [number, number, number];
  /** Pixels. */
  stride: number;
  /** Zeros on all sides, pixels. */
  padding: number;
  random: Random;
};

/**
 * A `Conv3d` whose kernel spans all frames of a window: its result has no time axis, so it is computed as a
 * two-dimensional convolution of the frames stacked on the channel axis, which is fast on every backend.
 *
 * State dict as `torch.nn.Conv3d`: `weight` `[out, in, time, height, width]`, `bias` `[out]`. Channel of the input =
 * frame * in + colour; the weights are transposed to match at every call.
 */
export class FramesConv extends Module {
  readonly #options: FramesConvOptions;
  /** `[time, height, width, inChannels, outChannels]`. */
  readonly #weight: tf.Variable;
  /** `[outChannels]`. */
  readonly #bias: tf.Variable;

  constructor(options: FramesConvOptions) {
    super();
    const { inChannels, outChannels, kernelSize, random } = options;
    this.#options = options;
    const [time, height, width] = kernelSize;
    const fanIn = time * height * width * inChannels;
    this.#weight = this.parameter(
      'weight',
      kaimingUniform([...kernelSize, inChannels, outChannels], fanIn, random),
      'conv',
    );
    this.#bias = this.parameter('bias', kaimingUniform([outChannels], fanIn, random));
  }

  /**
   * @param x float32 `[batch, height, width, time * inChannels]`, borrowed.
   * @returns float32 `[batch, height', width', outChannels]`. The caller disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    const { inChannels, outChannels, kernelSize, stride, padding } = this.#options;
    const [time, height, width] = kernelSize;
    return tf.tidy(() => {
      const stacked = time === 1 ? this.#weight : tf.transpose(this.#weight, [1, 2, 0, 3, 4]);
      const filter = tf.reshape(stacked, [height, width, time * inChannels, outChannels]) as tf.Tensor4D;
      const pads: [number, number] = [padding, padding];
      const frames = padding === 0 ? x : tf.pad(x, [[0, 0], pads, pads, [0, 0]]);
      return tf.add<tf.Tensor4D>(tf.conv2d(frames, filter, stride, 'valid'), this.#bias);
    });
  }
}
