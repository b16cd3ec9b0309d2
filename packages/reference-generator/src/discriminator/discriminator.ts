import { fail } from '@lipsync/contracts';
import { Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { SpectralNormConv2d } from './spectral-norm-conv2d';

/** Options of `WindowDiscriminator`. */
export type WindowDiscriminatorOptions = {
  /** Frames that are scored together, 1 or more. Default 5. */
  frameCount?: number;
  /** Side of the square frames, of which the lower half is scored; a multiple of 32 from 64. Default 96. */
  size?: number;
  /** Channels of the first layer; the last have 16 times as many. Default 32. */
  width?: number;
  /** Seed of the first weights, an integer. */
  seed: number;
};

/** Slope below 0. */
const LEAK = 0.2;

/** `max(x, 0.2 x)`, composed of ReLU, which every backend has and whose gradient can be differentiated again. */
export function leakyRelu(x: tf.Tensor4D): tf.Tensor4D {
  return tf.add(tf.mul(x, LEAK), tf.mul(tf.relu(x), 1 - LEAK));
}

/** Kernel, stride, padding and channels by width, down to a map of 3 x 3 for frames of 96 pixels. */
const ROWS: readonly { kernelSize: number; stride: number | [number, number]; padding: number; factor: number }[] = [
  { kernelSize: 7, stride: 1, padding: 3, factor: 1 },
  { kernelSize: 5, stride: [1, 2], padding: 2, factor: 2 },
  { kernelSize: 5, stride: 2, padding: 2, factor: 4 },
  { kernelSize: 5, stride: 2, padding: 2, factor: 8 },
  { kernelSize: 3, stride: 2, padding: 1, factor: 16 },
  { kernelSize: 3, stride: 2, padding: 1, factor: 16 },
];

/**
 * The discriminator of the second stage: a raw score for the lower half of one frame or of several together.
 *
 * Eight convolutions, each with spectral normalisation, leaky ReLU between them: the strided ones of Wav2Lip's
 * discriminator of quality. Without normalisation layers, so samples do not mix and R1 is a sum over samples.
 *
 * Source: the coursework, which prints no sizes. Largest difference from PyTorch with the same weights, R1's gradient
 * included: see the test. Names `convs.N`. The caller calls `dispose()` when done.
 *
 * @example
 * const discriminator = new WindowDiscriminator({ seed: 0 });
 * const scores = discriminator.forward(lowerHalfWindows(frames, { frameCount: 5 })); // [n]
 */
export class WindowDiscriminator extends Module {
  readonly frameCount: number;
  readonly size: number;
  readonly width: number;
  readonly #convs: SpectralNormConv2d[] = [];

  constructor({ frameCount = 5, size = 96, width = 32, seed }: WindowDiscriminatorOptions) {
    super();
    for (const [name, value] of Object.entries({ frameCount, width })) {
      if (!(Number.isInteger(value) && value >= 1))
        fail(RangeError, 'WindowDiscriminator', name, 'a whole number from 1', value);
    }
    if (!(Number.isInteger(size) && size >= 64 && size % 32 === 0))
      fail(RangeError, 'WindowDiscriminator', 'size', 'a multiple of 32 from 64', size);
    this.frameCount = frameCount;
    this.size = size;
    this.width = width;
    const random = new Random(seed);
    let inChannels = 3 * frameCount;
    for (const { factor, ...row } of ROWS) {
      this.#add({ ...row, inChannels, outChannels: factor * width, random });
      inChannels = factor * width;
    }
    this.#add({ inChannels, outChannels: inChannels, kernelSize: size / 32, random });
    this.#add({ inChannels, outChannels: 1, kernelSize: 1, random });
  }

  /**
   * @param x float32 `[n, size / 2, size, frameCount * 3]`, RGB 0..1, as `lowerHalfWindows` gives it; borrowed.
   * @returns float32 `[n]`, raw scores: positive for real. The caller disposes it.
   * @throws TypeError if the shape does not fit.
   */
  forward(x: tf.Tensor4D): tf.Tensor1D {
    this.assertUsable();
    const wanted = [this.size / 2, this.size, 3 * this.frameCount];
    if (x.rank !== 4 || x.shape.slice(1).join() !== wanted.join())
      fail(TypeError, 'WindowDiscriminator.forward', 'x', `of shape [n, ${wanted.join(', ')}]`, x.shape);
    return tf.tidy(() => {
      const last = this.#convs.length - 1;
      const y = this.#convs.reduce((map, conv, i) => (i < last ? leakyRelu(conv.forward(map)) : conv.forward(map)), x);
      return tf.reshape(y, [-1]) as tf.Tensor1D;
    });
  }

  #add(options: ConstructorParameters<typeof SpectralNormConv2d>[0]): void {
    this.#convs.push(this.register(`convs.${this.#convs.length}`, new SpectralNormConv2d(options)));
  }
}
