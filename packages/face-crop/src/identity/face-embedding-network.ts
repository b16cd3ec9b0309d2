import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { type StoredNetwork, weightTensors } from '../detect/network-weights';

/** Pixels on a side of the image that the descriptor network takes. */
export const EMBEDDING_INPUT_SIZE = 150;

/** Subtracted from RGB 0..255 before the division by 256. */
export const EMBEDDING_INPUT_MEAN = [122.782, 117.001, 104.298] as const;

/** Residual blocks after the first convolution, in order, with their channels; `down` blocks halve the map. */
const BLOCKS: readonly (readonly [name: string, channels: number])[] = [
  ['conv32_1', 32],
  ['conv32_2', 32],
  ['conv32_3', 32],
  ['conv64_down', 64],
  ['conv64_1', 64],
  ['conv64_2', 64],
  ['conv64_3', 64],
  ['conv128_down', 128],
  ['conv128_1', 128],
  ['conv128_2', 128],
  ['conv256_down', 256],
  ['conv256_1', 256],
  ['conv256_2', 256],
  ['conv256_down_out', 256],
];

type Layer = { name: string; filter: [number, number, number, number] };

/** Every convolution with its filter's shape. */
function layers(): Layer[] {
  const all: Layer[] = [{ name: 'conv32_down', filter: [7, 7, 3, 32] }];
  let inputs = 32;
  for (const [block, channels] of BLOCKS) {
    all.push({ name: `${block}/conv1`, filter: [3, 3, inputs, channels] });
    all.push({ name: `${block}/conv2`, filter: [3, 3, channels, channels] });
    inputs = channels;
  }
  return all;
}

function parameterShapes(): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const { name, filter } of layers()) {
    shapes.set(`${name}/conv/filters`, filter);
    for (const part of ['conv/bias', 'scale/weights', 'scale/biases']) shapes.set(`${name}/${part}`, [filter[3]]);
  }
  return shapes.set('fc', [256, 128]);
}

/**
 * dlib's face descriptor network: a 7 x 7 convolution, 14 residual blocks of two 3 x 3 convolutions, the mean over the
 * last map, and one linear layer to 128 values. Descriptors of one person lie near each other (Euclidean distance).
 *
 * Source: `face_recognition_model` of `@vladmandic/face-api` 1.7.15 (MIT; dlib's
 * `dlib_face_recognition_resnet_model_v1`, CC0, with most weights in 8 bits), rebuilt from its weights' names and
 * shapes. Each layer's scale is multiplied into its filters once. Largest difference from the same network in PyTorch
 * 1.13, unfolded: below 5e-6, see the test.
 *
 * Holds its weights as tensors (22 MB): `dispose` it.
 *
 * @throws TypeError if the weights are not this network's.
 * @example
 * const network = new FaceEmbeddingNetwork(weights);
 */
export class FaceEmbeddingNetwork {
  readonly #weights = new Map<string, tf.Tensor>();
  #disposed = false;

  constructor(stored: StoredNetwork) {
    const read = weightTensors('FaceEmbeddingNetwork', stored, parameterShapes());
    try {
      // scale · (filter ∗ x + bias) + shift = (scale · filter) ∗ x + (scale · bias + shift)
      for (const { name } of layers()) {
        const part = (key: string) => read.get(`${name}/${key}`)!;
        const scale = part('scale/weights');
        this.#weights.set(`${name}/filter`, tf.mul(part('conv/filters'), scale));
        this.#weights.set(
          `${name}/bias`,
          tf.tidy(() => tf.add(tf.mul(part('conv/bias'), scale), part('scale/biases'))),
        );
      }
      this.#weights.set('fc', tf.clone(read.get('fc')!));
      for (const weight of this.#weights.values()) tf.keep(weight);
    } finally {
      tf.dispose([...read.values()]);
    }
  }

  /**
   * @param images `[batch, 150, 150, 3]`, float32, RGB less `EMBEDDING_INPUT_MEAN`, divided by 256.
   * @returns `[batch, 128]`, float32. The caller disposes it.
   */
  forward(images: tf.Tensor4D): tf.Tensor2D {
    if (this.#disposed) fail(Error, 'FaceEmbeddingNetwork.forward', 'network', 'alive', 'a disposed one');
    const [, height, width, colours] = images.shape;
    if (height !== EMBEDDING_INPUT_SIZE || width !== EMBEDDING_INPUT_SIZE || colours !== 3) {
      fail(TypeError, 'FaceEmbeddingNetwork.forward', 'images', 'of shape [batch, 150, 150, 3]', images.shape);
    }
    return tf.tidy(() => {
      let x = tf.maxPool(this.#convolve(images, 'conv32_down', 2, 'relu'), 3, 2, 'valid');
      for (const [block] of BLOCKS) x = block.includes('down') ? this.#halving(x, block) : this.#residual(x, block);
      return tf.matMul(tf.mean<tf.Tensor2D>(x, [1, 2]), this.#weight('fc'));
    });
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const weight of this.#weights.values()) weight.dispose();
  }

  #residual(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const change = this.#convolve(this.#convolve(x, `${name}/conv1`, 1, 'relu'), `${name}/conv2`, 1, 'linear');
    return tf.relu(tf.add<tf.Tensor4D>(x, change));
  }

  /**
   * The shortcut is average-pooled and padded with zero channels; where one
   * of the two maps is smaller, it is zero-padded below and on the right.
   */
  #halving(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const change = this.#convolve(this.#convolve(x, `${name}/conv1`, 2, 'relu'), `${name}/conv2`, 1, 'linear');
    const shortcut = tf.avgPool(x, 2, 2, 'valid');
    const shape = change.shape.map((size, axis) => Math.max(size, shortcut.shape[axis]));
    return tf.relu(tf.add<tf.Tensor4D>(padTo(shortcut, shape), padTo(change, shape)));
  }

  #convolve(x: tf.Tensor4D, name: string, strides: 1 | 2, activation: 'linear' | 'relu'): tf.Tensor4D {
    const filter = this.#weight<tf.Tensor4D>(`${name}/filter`);
    const pad = strides === 2 ? 'valid' : 'same';
    return tf.fused.conv2d({ x, filter, strides, pad, bias: this.#weight(`${name}/bias`), activation });
  }

  #weight<T extends tf.Tensor = tf.Tensor2D>(name: string): T {
    return this.#weights.get(name) as T;
  }
}

function padTo(x: tf.Tensor4D, shape: readonly number[]): tf.Tensor4D {
  return tf.pad(
    x,
    x.shape.map((size, axis): [number, number] => [0, shape[axis] - size]),
  );
}
