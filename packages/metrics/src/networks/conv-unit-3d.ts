import { Conv3d, Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { FoldedNorm } from './conv-unit';

export type ConvUnit3dOptions = {
  inChannels: number;
  outChannels: number;
  /** Side of the cube: frames and pixels. */
  kernelSize: number;
  /** Of frames and pixels. Default 1. */
  stride?: number;
};

/**
 * Three-dimensional convolution without bias and with TensorFlow's SAME padding, batch normalisation by its running
 * statistics, ReLU: the unit of I3D, for inference only. Parameters as in the common PyTorch port:
 * `conv3d.weight` `[out, in, time, height, width]`, `bn.*`.
 */
export class ConvUnit3d extends Module {
  readonly #conv: Conv3d;
  readonly #norm: FoldedNorm;

  constructor(options: ConvUnit3dOptions) {
    super();
    this.#conv = this.register(
      'conv3d',
      new Conv3d({ ...options, padding: 'same', bias: false, random: new Random(0) }),
    );
    this.#norm = this.register('bn', new FoldedNorm(options.outChannels));
  }

  /**
   * @param x float32 `[batch, time, height, width, inChannels]`.
   * @returns float32 `[batch, time', height', width', outChannels]`, sides by the stride, rounded up. The caller
   * disposes it.
   */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    this.assertUsable();
    return tf.tidy(() => {
      const { scale, shift } = this.#norm.affine();
      return tf.relu(tf.add<tf.Tensor5D>(tf.mul(this.#conv.forward(x), scale), shift));
    });
  }
}
