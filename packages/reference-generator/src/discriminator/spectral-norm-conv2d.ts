import { fail } from '@lipsync/contracts';
import { kaimingUniform, Module, type Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** Options of `SpectralNormConv2d`. */
export type SpectralNormConv2dOptions = {
  inChannels: number;
  outChannels: number;
  /** Pixels on a side. */
  kernelSize: number;
  /** Pixels: one number, or `[height, width]`. Default 1. */
  stride?: number | [number, number];
  /** Zeros on all sides. Default 0. */
  padding?: number;
  /** Source of the first weights and of the first vectors. */
  random: Random;
};

/** As in PyTorch. */
const EPSILON = 1e-12;

/**
 * Two-dimensional convolution whose kernel is divided by its largest singular value, so that the layer stretches no
 * input by more than that.
 *
 * The value is `u · (W v)`, `W` the kernel as a matrix `[out, in · height · width]`; in training mode each call first
 * takes one step of power iteration, `v = W' u / ‖W' u‖`, `u = W v / ‖W v‖`, without gradient.
 *
 * Source: Miyato et al. 2018, `torch.nn.utils.spectral_norm` (PyTorch 1.13). Largest difference from it over several
 * steps, gradients included: see the test. State dict: `bias`, `weight_orig`, and the buffers `weight_u`, `weight_v`.
 *
 * @example
 * const conv = new SpectralNormConv2d({ inChannels: 3, outChannels: 8, kernelSize: 3, padding: 1, random: new Random(0) });
 * const y = conv.forward(tf.zeros([1, 5, 5, 3])); // [1, 5, 5, 8]
 */
export class SpectralNormConv2d extends Module {
  readonly inChannels: number;
  readonly stride: number | [number, number];
  readonly padding: number;
  /** `[kernelSize, kernelSize, inChannels, outChannels]`, before the division. */
  readonly weight: tf.Variable;
  /** `[outChannels]`. */
  readonly bias: tf.Variable;
  /** `[outChannels]`. */
  readonly #u: tf.Variable;
  /** `[inChannels · kernelSize · kernelSize]`, in PyTorch's order. */
  readonly #v: tf.Variable;

  constructor({ inChannels, outChannels, kernelSize, stride = 1, padding = 0, random }: SpectralNormConv2dOptions) {
    super();
    for (const [name, size] of Object.entries({ inChannels, outChannels, kernelSize })) {
      if (!(Number.isInteger(size) && size >= 1))
        fail(RangeError, 'SpectralNormConv2d', name, 'a whole number from 1', size);
    }
    this.inChannels = inChannels;
    this.stride = stride;
    this.padding = padding;
    const fanIn = kernelSize ** 2 * inChannels;
    this.bias = this.parameter('bias', kaimingUniform([outChannels], fanIn, random));
    const kernel = kaimingUniform([kernelSize, kernelSize, inChannels, outChannels], fanIn, random);
    this.weight = this.parameter('weight_orig', kernel, 'conv');
    this.#u = this.buffer('weight_u', unitVector(outChannels, random));
    this.#v = this.buffer('weight_v', unitVector(fanIn, random));
  }

  /**
   * @param x float32 `[batch, height, width, inChannels]`, borrowed.
   * @returns float32 `[batch, height', width', outChannels]`. The caller disposes it.
   * @throws TypeError if `x` has another shape.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    if (x.rank !== 4 || x.shape[3] !== this.inChannels)
      fail(
        TypeError,
        'SpectralNormConv2d.forward',
        'x',
        `of shape [batch, height, width, ${this.inChannels}]`,
        x.shape,
      );
    return tf.tidy(() => {
      const kernel = tf.div<tf.Tensor4D>(this.weight, this.#largestSingularValue());
      const sides: [number, number] = [this.padding, this.padding];
      const padded = this.padding === 0 ? x : tf.pad(x, [[0, 0], sides, sides, [0, 0]]);
      return tf.add<tf.Tensor4D>(tf.conv2d(padded, kernel, this.stride, 'valid'), this.bias);
    });
  }

  #largestSingularValue(): tf.Scalar {
    const matrix = tf.reshape(tf.transpose(this.weight, [3, 2, 0, 1]), [this.bias.size, -1]) as tf.Tensor2D;
    const product = (a: tf.Tensor2D, b: tf.Tensor) => tf.reshape(tf.matMul(a, tf.reshape(b, [-1, 1])), [-1]);
    if (this.training) {
      // In a tidy of its own: the gradient sees the new vectors as constants.
      tf.tidy(() => {
        this.#v.assign(unit(product(tf.transpose(matrix), this.#u)));
        this.#u.assign(unit(product(matrix, this.#v)));
      });
    }
    return tf.sum<tf.Scalar>(tf.mul(this.#u, product(matrix, this.#v)));
  }
}

/** A vector divided by its length. */
function unit(x: tf.Tensor): tf.Tensor {
  return tf.div(x, tf.maximum(tf.sqrt(tf.sum(tf.square(x))), EPSILON));
}

function unitVector(length: number, random: Random): tf.Tensor {
  return tf.tidy(() => unit(tf.tensor1d(Float32Array.from({ length }, () => random.normal()))));
}
