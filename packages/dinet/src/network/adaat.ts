import { fail } from '@lipsync/contracts';
import { Linear, Module, type Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { DinetConfig } from './config';
import { sampleChannels } from './sample-channels';

/** The published code's value of pi. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: the published weights were trained with this value
const PUBLISHED_PI = 3.14159;

/** Sizes and sampling of an `AdaAT` block. */
export type AdaATOptions = {
  /** Length of the vector that the transforms are computed from: alignment and audio. */
  parameters: number;
  /** Channels of the map. */
  channels: number;
  sampling: DinetConfig['sampling'];
  /** Source of the first weights. */
  random: Random;
};

/** The transform of each channel, `[batch, channels]` each, float32. */
type Motion = { scale: tf.Tensor2D; angle: tf.Tensor2D; across: tf.Tensor2D; down: tf.Tensor2D };

/**
 * One linear layer under the name `0`, as in a `torch.nn.Sequential`.
 *
 * It sums its products in blocks, then the blocks: a float32 sum of 256 products may be off by 3e-6, and an angle that
 * is off by as much moves places in a map of 80 columns by 1e-4 pixels. Largest error of a place against float64:
 * 7e-5 pixels, 1.3e-4 without blocks, 8e-5 in PyTorch's float32 (see the test).
 */
class Layer extends Module {
  readonly #linear: Linear;
  readonly #blocks: number;
  constructor(inFeatures: number, outFeatures: number, random: Random) {
    super();
    this.#linear = this.register('0', new Linear({ inFeatures, outFeatures, random }));
    this.#blocks = Math.floor(Math.sqrt(inFeatures));
    while (inFeatures % this.#blocks !== 0) this.#blocks--;
  }
  forward(x: tf.Tensor2D): tf.Tensor2D {
    const { weight, bias, inFeatures, outFeatures } = this.#linear;
    const [blocks, size] = [this.#blocks, inFeatures / this.#blocks];
    return tf.tidy(() => {
      const parts = tf.transpose<tf.Tensor3D>(tf.reshape(x, [-1, blocks, size]), [1, 0, 2]);
      const sums = tf.matMul(
        parts,
        tf.reshape<tf.Rank.R3>(weight as unknown as tf.Tensor2D, [blocks, size, outFeatures]),
      );
      return tf.add(tf.sum(sums, 0), bias as unknown as tf.Tensor1D) as tf.Tensor2D;
    });
  }
}

/**
 * Adaptive affine transformation: scales, rotates and shifts every channel of a map by a transform of its own, which a
 * small network computes from alignment and audio.
 *
 * `z = ReLU(W p)`, `s = 2 sigmoid(·)`, `θ = π tanh(·)`, `t = tanh(·)`; the output at `(x, y)`, both -1..1 from edge to
 * edge, samples channel `c` at `s · R(θ) · (x, y) + t`, zero outside.
 *
 * `bilinear`: -1 and 1 are the centres of the outermost pixels of input and output. `published`: they are so for the
 * output only; the input is sampled at `((x + 1) · width - 1) / 2`, and each channel is mixed with its neighbour first
 * (`channelMix`). This equals the published code's volumetric `grid_sample` without `align_corners`.
 *
 * Source: MRzzm/DINet, `AdaAT`, with its value 3.14159 of π. Largest difference from PyTorch in float64: 1.2e-6,
 * gradients 2e-6 of the largest. State dict: `commn_linear.0` (spelled so), `scale.0`, `rotation.0`, `translation.0`.
 *
 * @example
 * const adaAT = new AdaAT({ parameters: 256, channels: 256, sampling: 'published', random: new Random(0) });
 * const moved = adaAT.forward(tf.zeros([1, 26, 20, 256]), tf.zeros([1, 256])); // [1, 26, 20, 256]
 */
export class AdaAT extends Module {
  readonly channels: number;
  readonly sampling: DinetConfig['sampling'];
  readonly #common: Layer;
  readonly #scale: Layer;
  readonly #rotation: Layer;
  readonly #translation: Layer;

  constructor({ parameters, channels, sampling, random }: AdaATOptions) {
    super();
    if (sampling === 'published' && channels < 2)
      fail(RangeError, 'AdaAT', 'channels', 'at least 2 with published sampling', channels);
    this.channels = channels;
    this.sampling = sampling;
    this.#common = this.register('commn_linear', new Layer(parameters, parameters, random));
    this.#scale = this.register('scale', new Layer(parameters, channels, random));
    this.#rotation = this.register('rotation', new Layer(parameters, channels, random));
    this.#translation = this.register('translation', new Layer(parameters, 2 * channels, random));
  }

  /**
   * @param features float32 `[batch, height, width, channels]`, both sides at least 2; borrowed.
   * @param parameters float32 `[batch, parameters]`, borrowed.
   * @returns float32 like `features`. The caller disposes it.
   * @throws TypeError if the shapes do not fit.
   */
  forward(features: tf.Tensor4D, parameters: tf.Tensor2D): tf.Tensor4D {
    this.assertUsable();
    const [batch, height = 0, width = 0, channels] = features.shape;
    if (
      features.rank !== 4 ||
      channels !== this.channels ||
      Math.min(height, width) < 2 ||
      parameters.shape[0] !== batch
    ) {
      const rule = `[batch, height, width, ${this.channels}] with sides of at least 2, and parameters of as many samples`;
      fail(TypeError, 'AdaAT.forward', 'features', rule, [features.shape, parameters.shape]);
    }
    return tf.tidy(() => {
      const motion = this.#motion(parameters);
      const [columns, rows] = sampledPlaces(motion, height, width, this.sampling);
      const read = this.sampling === 'published' ? mixed(features) : features;
      return tf.reshape(sampleChannels(read, columns, rows), features.shape);
    });
  }

  /** The transform of each channel. The caller disposes its tensors. */
  #motion(parameters: tf.Tensor2D): Motion {
    const z = relu(this.#common.forward(parameters));
    const shift = tf.reshape(tf.tanh(this.#translation.forward(z)), [-1, this.channels, 2]);
    const axis = (which: number) => tf.squeeze<tf.Tensor2D>(tf.slice(shift, [0, 0, which], [-1, -1, 1]), [2]);
    return {
      scale: tf.mul(tf.sigmoid(this.#scale.forward(z)), 2),
      angle: tf.mul(tf.tanh(this.#rotation.forward(z)), PUBLISHED_PI),
      across: axis(0),
      down: axis(1),
    };
  }
}

/** Columns and rows, in pixels, at which each channel is sampled: `[batch, height · width, channels]` each. */
function sampledPlaces(
  { scale, angle, across, down }: Motion,
  height: number,
  width: number,
  sampling: DinetConfig['sampling'],
) {
  const [batch, channels] = scale.shape;
  const along = (size: number, i: number) => (2 * i) / (size - 1) - 1;
  const grid = Float32Array.from({ length: height * width * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return [along(width, pixel % width), along(height, Math.floor(pixel / width)), 1][i % 3];
  });
  const places = tf.tile(tf.tensor<tf.Rank.R3>(grid, [1, height * width, 3]), [batch, 1, 1]);
  const [cosine, sine] = [tf.mul<tf.Tensor2D>(scale, tf.cos(angle)), tf.mul<tf.Tensor2D>(scale, tf.sin(angle))];
  const pixels = (byX: tf.Tensor2D, byY: tf.Tensor2D, shift: tf.Tensor2D, size: number) => {
    const half = (sampling === 'published' ? size : size - 1) / 2;
    const inPixels = [tf.mul(byX, half), tf.mul(byY, half), tf.add(tf.mul(shift, half), (size - 1) / 2)];
    return tf.matMul(
      places,
      tf.concat(
        inPixels.map((row) => tf.reshape(row, [batch, 1, channels])),
        1,
      ),
    );
  };
  return [pixels(cosine, tf.neg(sine), across, width), pixels(sine, cosine, down, height)];
}

/**
 * How the published sampling mixes neighbouring channels: channel c is sampled at depth `c + δ`, `δ = c / (channels -
 * 1) - 1/2`, so it is `(1 - |δ|) · channel c + |δ| · its neighbour` on that side, zero beyond the ends.
 *
 * @returns float32 `[channels, channels]`, row-major; rows are the channels in, columns the channels out.
 * @example
 * channelMix(2); // 0.5, 0, 0, 0.5
 */
export function channelMix(channels: number): Float32Array {
  const mix = new Float32Array(channels * channels);
  for (let c = 0; c < channels; c++) {
    const delta = c / (channels - 1) - 0.5;
    mix[c * channels + c] = 1 - Math.abs(delta);
    const neighbour = c + Math.sign(delta);
    if (delta !== 0 && neighbour >= 0 && neighbour < channels) mix[neighbour * channels + c] = Math.abs(delta);
  }
  return mix;
}

function mixed(features: tf.Tensor4D): tf.Tensor4D {
  const channels = features.shape[3];
  const mix = tf.tensor(channelMix(channels), [channels, channels]) as tf.Tensor2D;
  return tf.reshape(tf.matMul(tf.reshape(features, [-1, channels]) as tf.Tensor2D, mix), features.shape);
}
