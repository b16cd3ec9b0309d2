import type { NamedArray } from '@lipsync/checkpoints';
import { identifyNetwork } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { maxPool2d } from '../layers/pooling';
import { Module } from '../module/module';

/** torchvision's networks whose convolutional part measures the similarity of images. */
export type ImageArchitecture = 'alexnet' | 'vgg16' | 'vgg19' | 'squeezenet1_1';

type Convolution = {
  kind: 'conv';
  name: string;
  inChannels: number;
  outChannels: number;
  kernel: number;
  stride: number;
  padding: number;
};
type Layer =
  | Convolution
  | { kind: 'relu' }
  | { kind: 'pool'; kernel: number; ceil: boolean }
  | { kind: 'fire'; squeeze: Convolution; expand1x1: Convolution; expand3x3: Convolution };

const relu: Layer = { kind: 'relu' };
const pool = (kernel: number, ceil = false): Layer => ({ kind: 'pool', kernel, ceil });
const conv = (inChannels: number, outChannels: number, kernel: number, padding = 0, stride = 1): Layer => ({
  kind: 'conv',
  name: '',
  inChannels,
  outChannels,
  kernel,
  stride,
  padding,
});

function fire(inChannels: number, squeezed: number, expanded: number): Layer {
  const part = (name: string, from: number, to: number, kernel: number): Convolution => ({
    kind: 'conv',
    name: `.${name}`,
    inChannels: from,
    outChannels: to,
    kernel,
    stride: 1,
    padding: (kernel - 1) / 2,
  });
  return {
    kind: 'fire',
    squeeze: part('squeeze', inChannels, squeezed, 1),
    expand1x1: part('expand1x1', squeezed, expanded, 1),
    expand3x3: part('expand3x3', squeezed, expanded, 3),
  };
}

/**
 * 3x3 convolutions with a ReLU each, and a pool after each stage. @param widths Channels of the convolutions of each
 * stage.
 */
function vgg(widths: number[][]): Layer[] {
  let inChannels = 3;
  return widths.flatMap((stage) => [
    ...stage.flatMap((outChannels) => {
      const layers = [conv(inChannels, outChannels, 3, 1), relu];
      inChannels = outChannels;
      return layers;
    }),
    pool(2),
  ]);
}

const repeat = (count: number, width: number): number[] => new Array<number>(count).fill(width);

/** Layers by their index in torchvision's `features`. */
const LAYERS: Readonly<Record<ImageArchitecture, readonly Layer[]>> = {
  alexnet: [
    conv(3, 64, 11, 2, 4),
    relu,
    pool(3),
    conv(64, 192, 5, 2),
    relu,
    pool(3),
    conv(192, 384, 3, 1),
    relu,
    conv(384, 256, 3, 1),
    relu,
    conv(256, 256, 3, 1),
    relu,
    pool(3),
  ],
  vgg16: vgg([repeat(2, 64), repeat(2, 128), repeat(3, 256), repeat(3, 512), repeat(3, 512)]),
  vgg19: vgg([repeat(2, 64), repeat(2, 128), repeat(4, 256), repeat(4, 512), repeat(4, 512)]),
  squeezenet1_1: [
    conv(3, 64, 3, 0, 2),
    relu,
    pool(3, true),
    fire(64, 16, 64),
    fire(128, 16, 64),
    pool(3, true),
    fire(128, 32, 128),
    fire(256, 32, 128),
    pool(3, true),
    fire(256, 48, 192),
    fire(384, 48, 192),
    fire(384, 64, 256),
    fire(512, 64, 256),
  ],
};

/** The convolutions of a network with the names they have within `features`. */
function convolutionsOf(architecture: ImageArchitecture): [string, Convolution][] {
  return LAYERS[architecture].flatMap((layer, index): [string, Convolution][] => {
    if (layer.kind === 'conv') return [[`${index}`, layer]];
    if (layer.kind !== 'fire') return [];
    return [layer.squeeze, layer.expand1x1, layer.expand3x3].map((part) => [`${index}${part.name}`, part]);
  });
}

function assertArchitecture(where: string, architecture: ImageArchitecture): void {
  if (!Object.hasOwn(LAYERS, architecture))
    fail(TypeError, where, 'architecture', Object.keys(LAYERS).join(', '), architecture);
}

/**
 * Names and PyTorch shapes of a network's convolutional part, without building it, to recognise a file.
 *
 * @returns shape by name, such as `features.0.weight` to `[64, 3, 11, 11]`, in torchvision's order.
 * @example
 * imageFeatureShapes('alexnet').get('features.0.weight'); // [64, 3, 11, 11]
 */
export function imageFeatureShapes(architecture: ImageArchitecture): Map<string, number[]> {
  assertArchitecture('imageFeatureShapes', architecture);
  return new Map(
    convolutionsOf(architecture).flatMap(([name, { inChannels, outChannels, kernel }]): [string, number[]][] => [
      [`features.${name}.weight`, [outChannels, inChannels, kernel, kernel]],
      [`features.${name}.bias`, [outChannels]],
    ]),
  );
}

/**
 * The convolutional part of torchvision's AlexNet, VGG-16, VGG-19 or SqueezeNet 1.1,
 * `torchvision.models.<name>().features`: for losses and distances that compare images by the features of a network
 * trained on ImageNet.
 *
 * 2,469,696, 14,714,688, 20,024,384 and 722,496 parameters, under the names and shapes of `features`: `0.weight`,
 * `3.squeeze.bias`. Weights are zeros until `loadStateDict`; `forward` throws before.
 *
 * Source: torchvision 0.14. Largest difference from it with generated weights: 3e-6 of the largest value of a layer and
 * of the gradient by the image, except where rounding changes a sign under a ReLU: there any float32 gradient jumps,
 * PyTorch's own by up to 3e-2.
 *
 * @throws TypeError for an unknown network.
 * @example
 * const network = new ImageFeatures('vgg19');
 * network.loadStateDict(state); // of vgg19-dcbb9e9d.pth
 * const [low, high] = network.forward(imagenetNormalised(images), [1, 29]); // relu1_1 and relu5_1
 */
export class ImageFeatures extends Module {
  readonly architecture: ImageArchitecture;
  /** `weight` `[kernel, kernel, inChannels, outChannels]`, `bias` `[outChannels]`. */
  readonly #weights = new Map<Convolution, { weight: tf.Variable; bias: tf.Variable }>();
  #isLoaded = false;

  constructor(architecture: ImageArchitecture) {
    super();
    assertArchitecture('ImageFeatures', architecture);
    this.architecture = architecture;
    for (const [name, part] of convolutionsOf(architecture)) {
      const { kernel, inChannels, outChannels } = part;
      const weight = this.parameter(`${name}.weight`, tf.zeros([kernel, kernel, inChannels, outChannels]), 'conv');
      this.#weights.set(part, { weight, bias: this.parameter(`${name}.bias`, tf.zeros([outChannels])) });
    }
    this.eval();
  }

  /** Number of layers, ReLUs and pools included: 13, 31, 37 and 13. */
  get depth(): number {
    return LAYERS[this.architecture].length;
  }

  /**
   * Loads weights by name: torchvision's file of the whole network, whose `classifier.*` is ignored, or of its
   * `features` alone.
   *
   * @throws Error that names the network where the file belongs to another one of these, else every missing, unused and
   *   misshapen name.
   */
  override loadStateDict(state: Map<string, NamedArray>, options: { where?: string } = {}): void {
    const where = options.where ?? 'ImageFeatures.loadStateDict';
    const whole = [...state].filter(([name]) => !name.startsWith('classifier.'));
    const features = new Map(
      whole.map(([name, array]) => [name.startsWith('features.') ? name : `features.${name}`, array]),
    );
    const shapes = ([name, { shape }]: [string, NamedArray]) => [name, shape] as const;
    const found = identifyNetwork(new Map([...state, ...features].map(shapes)));
    if (found !== undefined && found.name !== this.architecture.replace('1_1', '')) {
      fail(Error, where, 'state', `that of ${this.architecture}`, `that of ${found.title}`);
    }
    super.loadStateDict(new Map([...features].map(([name, array]) => [name.slice('features.'.length), array])), {
      where,
    });
    this.#isLoaded = true;
  }

  /** Smallest height and width in pixels of an image for which this layer has an output. */
  smallestSide(layer: number): number {
    this.#assertLayers('ImageFeatures.smallestSide', [layer]);
    let side = 1;
    while (this.#sideAfter(side, layer) < 1) side++;
    return side;
  }

  /**
   * The outputs of some layers; layers after the last of them are not computed. Differentiable by `x`.
   *
   * @param x float32 `[batch, height, width, 3]`, RGB, normalised as the network expects (see `imagenetNormalised`).
   * @param layers Indices in `features`, whole numbers from 0.
   * @returns float32 `[batch, height', width', channels]` of each layer in the order of `layers`. The caller disposes
   *   them.
   * @throws TypeError for another shape or images that are too small, Error before weights are loaded.
   */
  forward(x: tf.Tensor4D, layers: readonly number[]): tf.Tensor4D[] {
    this.assertUsable();
    const where = 'ImageFeatures.forward';
    if (!this.#isLoaded)
      fail(Error, where, 'this network', 'one with weights (call loadStateDict first)', 'one without');
    this.#assertLayers(where, layers);
    const last = Math.max(...layers);
    if (x.rank !== 4 || x.shape[3] !== 3) fail(TypeError, where, 'x', 'of shape [batch, height, width, 3]', x.shape);
    if (this.#sideAfter(Math.min(x.shape[1], x.shape[2]), last) < 1) {
      fail(
        TypeError,
        where,
        'x',
        `at least ${this.smallestSide(last)} pixels high and wide for layer ${last}`,
        x.shape,
      );
    }
    return tf.tidy(() => {
      const taken = new Map<number, tf.Tensor4D>();
      let value = x;
      for (let index = 0; index <= last; index++) {
        const next = this.#run(LAYERS[this.architecture][index], value);
        // Disposed at once, since all layers of one image of 256 pixels take 140 MB. A gradient tape keeps its own
        // clones.
        if (value !== x && taken.get(index - 1) !== value) value.dispose();
        if (layers.includes(index)) taken.set(index, next);
        value = next;
      }
      return layers.map((layer) => taken.get(layer) as tf.Tensor4D);
    });
  }

  #run(layer: Layer, x: tf.Tensor4D): tf.Tensor4D {
    if (layer.kind === 'relu') return tf.relu(x);
    if (layer.kind === 'pool') return maxPool2d(x, { kernelSize: layer.kernel, stride: 2, ceil: layer.ceil });
    if (layer.kind === 'conv') return this.#convolve(layer, x);
    return tf.tidy(() => {
      const squeezed = tf.relu(this.#convolve(layer.squeeze, x));
      return tf.relu(
        tf.concat([this.#convolve(layer.expand1x1, squeezed), this.#convolve(layer.expand3x3, squeezed)], 3),
      );
    });
  }

  #convolve(part: Convolution, x: tf.Tensor4D): tf.Tensor4D {
    const { weight, bias } = this.#weights.get(part)!;
    const { stride, padding, kernel } = part;
    return tf.tidy(() => {
      const same = stride === 1 && 2 * padding === kernel - 1;
      // The one padded convolution with a stride, AlexNet's first, takes a padded copy: libtensorflow has no explicit
      // padding.
      const around =
        padding > 0 && !same
          ? tf.pad(x, [
              [0, 0],
              [padding, padding],
              [padding, padding],
              [0, 0],
            ])
          : x;
      const y = tf.conv2d(around, weight as unknown as tf.Tensor4D, stride, same ? 'same' : 'valid');
      return tf.add<tf.Tensor4D>(y, bias);
    });
  }

  #sideAfter(side: number, last: number): number {
    return LAYERS[this.architecture].slice(0, last + 1).reduce((size, layer) => {
      if (size < 1) return 0;
      if (layer.kind === 'conv') return Math.floor((size + 2 * layer.padding - layer.kernel) / layer.stride) + 1;
      if (layer.kind !== 'pool') return size;
      // An image smaller than the window is refused; PyTorch's ceil mode would accept it.
      return size < layer.kernel ? 0 : (layer.ceil ? Math.ceil : Math.floor)((size - layer.kernel) / 2) + 1;
    }, side);
  }

  #assertLayers(where: string, layers: readonly number[]): void {
    const ok =
      layers.length > 0 && layers.every((layer) => Number.isInteger(layer) && layer >= 0 && layer < this.depth);
    if (!ok) fail(RangeError, where, 'layers', `whole numbers from 0 to ${this.depth - 1}`, [...layers]);
    if (new Set(layers).size < layers.length) fail(RangeError, where, 'layers', 'without repeats', [...layers]);
  }
}

/**
 * Mean and standard deviation of ImageNet's colours, RGB in 0..1: torchvision's networks expect images normalised by
 * them.
 */
export const IMAGENET_COLOURS = Object.freeze({
  mean: [0.485, 0.456, 0.406] as const,
  std: [0.229, 0.224, 0.225] as const,
});

/**
 * Normalises images for torchvision's networks: `(x - mean) / std` of ImageNet's colours.
 *
 * @param x float32 `[..., 3]`, RGB in 0..1.
 * @returns float32 of the same shape. The caller disposes it.
 * @throws TypeError if the last axis is not 3.
 * @example
 * const [relu5] = network.forward(imagenetNormalised(images), [29]);
 */
export function imagenetNormalised<T extends tf.Tensor>(x: T): T {
  if (x.shape.at(-1) !== 3) fail(TypeError, 'imagenetNormalised', 'x', 'of shape [..., 3]', x.shape);
  return tf.tidy(() => tf.div(tf.sub(x, [...IMAGENET_COLOURS.mean]), [...IMAGENET_COLOURS.std]) as T);
}
