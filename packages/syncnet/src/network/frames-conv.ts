import { kaimingUniform, Module, type Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

export type FramesConvOptions = {
  inChannels: number;
  outChannels: number;
  /** `[time, height, width]`. */
  kernelSize: [number, number, number];
  /** Pixels. */
  stride: number;
  /** Zeros around, pixels. */
  padding: number;
  random: Random;
};

/**
 * A `Conv3d` over all frames of a window at once: its result has no time left, so it is a two-dimensional convolution of frames stacked
 * on the channel axis, which every backend has fast.
 *
 * State dict as `torch.nn.Conv3d`: `weight` `[out, in, time, height, width]`, `bias` `[out]`; frames are stacked frame by frame
 * (`frame * in + colour`), the weights turned to fit at every call.
 */
export class FramesConv extends Module {
  private readonly options: FramesConvOptions;
  private readonly weight: tf.Variable;
  private readonly bias: tf.Variable;

  constructor(options: FramesConvOptions) {
    super();
    const { inChannels, outChannels, kernelSize, random } = options;
    this.options = options;
    const [time, height, width] = kernelSize;
    const fanIn = time * height * width * inChannels;
    this.weight = this.parameter(
      'weight',
      kaimingUniform([...kernelSize, inChannels, outChannels], fanIn, random),
      'conv',
    );
    this.bias = this.parameter('bias', kaimingUniform([outChannels], fanIn, random));
  }

  /**
   * @param x float32 `[batch, height, width, time * inChannels]`.
   * @returns float32 `[batch, height', width', outChannels]`. The caller disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    const { inChannels, outChannels, kernelSize, stride, padding } = this.options;
    const [time, height, width] = kernelSize;
    return tf.tidy(() => {
      const turned = time === 1 ? this.weight : tf.transpose(this.weight, [1, 2, 0, 3, 4]);
      const filter = tf.reshape(turned, [height, width, time * inChannels, outChannels]) as tf.Tensor4D;
      const pads: [number, number] = [padding, padding];
      const frames = padding === 0 ? x : tf.pad(x, [[0, 0], pads, pads, [0, 0]]);
      return tf.add<tf.Tensor4D>(tf.conv2d(frames, filter, stride, 'valid'), this.bias);
    });
  }
}
