import { fail } from '@lipsync/contracts';
import { BatchNorm2d, Conv2d, leakyRelu, Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { assertSizes } from '../network/network-file';

/** Options of `PortraitDiscriminator`. */
export type PortraitDiscriminatorOptions = {
  /** Channels of condition and frame together. Default 16: 13 and 3. */
  inputs?: number;
  /** Channels of the first layer. Default 64. */
  channels?: number;
  /** Layers of stride 2. Default 3. */
  layers?: number;
  /** Sizes of the image that are judged, each half of the one before. Default 2. */
  scales?: number;
  /** Seed of the first weights, an integer. */
  seed: number;
};

/** A convolution of 4 x 4, norm (not in the first and the last layer), leaky ReLU of slope 0.2 (not in the last). */
class Layer extends Module {
  readonly #conv: Conv2d;
  readonly #norm: BatchNorm2d | undefined;
  readonly #isLast: boolean;

  constructor(
    [inChannels, outChannels]: [number, number],
    { stride, place, random }: { stride: number; place: 'first' | 'inner' | 'last'; random: Random },
  ) {
    super();
    const sizes = { inChannels, outChannels, kernelSize: 4, stride, padding: 2 };
    this.#conv = this.register('0', new Conv2d({ ...sizes, random }));
    this.#norm = place === 'inner' ? this.register('1', new BatchNorm2d({ channels: outChannels })) : undefined;
    this.#isLast = place === 'last';
  }

  /** `[batch, height, width, channels]` each. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => {
      const y = this.#conv.forward(x);
      const normed = this.#norm ? this.#norm.forward(y) : y;
      return this.#isLast ? normed : leakyRelu(normed, 0.2);
    });
  }
}

/**
 * Means over those of 3 x 3 pixels that are inside, stride 2: `AvgPool2d(3, 2, 1, count_include_pad=False)`. By padding
 * with zeros, which has a gradient on every backend.
 */
function halved(image: tf.Tensor4D): tf.Tensor4D {
  const border: [number, number][] = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  const mean = (x: tf.Tensor4D) => tf.avgPool(tf.pad(x, border), 3, 2, 'valid');
  const [, height, width] = image.shape;
  return tf.div(mean(image), mean(tf.ones([1, height, width, 1])));
}

/**
 * Judges frames beside the edge map and candidates from which they were drawn, patch by patch, at several scales
 * (pix2pixHD's multi-scale PatchGAN).
 *
 * Source: Live Speech Portraits, `Feature2Face_D`: parameter names `netD.scale0_layer0.0.weight`, …. The published class
 * takes 26 channels, which does not fit its renderer's 13 and 3; here their sum. As there, `scale0` judges the smallest
 * image. Largest difference from PyTorch 1.13 with the same weights: see README.
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError for sizes that are not whole numbers from 1.
 * @example
 * import { PortraitDiscriminator } from '@lipsync/portraits';
 * import * as tf from '@tensorflow/tfjs-core';
 * const discriminator = new PortraitDiscriminator({ seed: 0 });
 * const judged = discriminator.forward(tf.zeros([1, 128, 128, 16])); // of each scale five maps, the last one the scores
 */
export class PortraitDiscriminator extends Module {
  readonly inputs: number;
  /** Layers of each scale, the largest image's first. */
  readonly #scales: Layer[][];

  constructor({ inputs = 16, channels = 64, layers = 3, scales = 2, seed }: PortraitDiscriminatorOptions) {
    super();
    assertSizes('PortraitDiscriminator', { inputs, channels, layers, scales }, [
      'inputs',
      'channels',
      'layers',
      'scales',
    ]);
    this.inputs = inputs;
    const random = new Random(seed);
    const width = (layer: number) => Math.min(512, channels * 2 ** layer);
    const sizes: [number, number][] = [[inputs, channels]];
    for (let layer = 1; layer <= layers; layer++) sizes.push([width(layer - 1), width(layer)]);
    sizes.push([width(layers), 1]);
    this.#scales = Array.from({ length: scales }, (_, scale) =>
      sizes.map((size, j) => {
        const place = j === 0 ? 'first' : j === layers + 1 ? 'last' : 'inner';
        const layer = new Layer(size, { stride: j < layers ? 2 : 1, place, random });
        return this.register(`netD.scale${scale}_layer${j}`, layer);
      }),
    ).reverse();
  }

  /**
   * @param x float32 `[batch, height, width, inputs]`, -1..1: condition, then frame; borrowed.
   * @returns for each scale, the largest image first, the maps of all layers, the scores last; raw, target 1 for real
   *   frames. The caller disposes them.
   * @throws TypeError for another shape.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D[][] {
    this.assertUsable();
    if (x.rank !== 4 || x.shape[3] !== this.inputs) {
      const rule = `of shape [batch, height, width, ${this.inputs}]`;
      fail(TypeError, 'PortraitDiscriminator.forward', 'x', rule, x.shape);
    }
    return tf.tidy(() => {
      let image = x;
      return this.#scales.map((layers, i) => {
        if (i > 0) image = halved(image);
        let y = image;
        return layers.map((layer) => {
          y = layer.forward(y);
          return y;
        });
      });
    });
  }
}
