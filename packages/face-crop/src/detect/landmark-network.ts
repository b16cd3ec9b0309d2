import { fail } from '@lipsync/contracts';
import type { CompileNetwork } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { ForwardRunner } from './forward-runner';
import { centreColours, type PointNetwork, type ViewPoints } from './landmark-crops';
import { type StoredNetwork, weightTensors } from './network-weights';

/** Pixels on a side of the image that the 68-point network takes. */
const LANDMARK_INPUT_SIZE = 112;

/** Subtracted from RGB 0..255 before the division by 255. */
export const LANDMARK_INPUT_MEAN = [122.782, 117.001, 104.298] as const;

/** Channels after each of the four blocks. */
const CHANNELS = [32, 64, 128, 256];

function parameterShapes(): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  CHANNELS.forEach((channels, block) => {
    for (let i = 0; i < 4; i++) {
      const name = `dense${block}/conv${i}`;
      const inputs = i > 0 ? channels : block > 0 ? CHANNELS[block - 1] : 3;
      if (block === 0 && i === 0) shapes.set(`${name}/filters`, [3, 3, inputs, channels]);
      else {
        shapes.set(`${name}/depthwise_filter`, [3, 3, inputs, 1]);
        shapes.set(`${name}/pointwise_filter`, [1, 1, inputs, channels]);
      }
      shapes.set(`${name}/bias`, [channels]);
    }
  });
  return shapes.set('fc/weights', [256, 136]).set('fc/bias', [136]);
}

/**
 * The 68-point network of face-api: four dense blocks of four convolutions (the very first plain, the others
 * separable; each block halves the image), an average over the last 7 x 7 map and one linear layer.
 *
 * Source: `face_landmark_68_model` of `@vladmandic/face-api` 1.7.15 (MIT), rebuilt from its weights' names and shapes.
 * Largest difference from the same network in PyTorch 1.13: below 1e-4 px of 112, see the test. The network has no
 * confidence: it returns a face for any input.
 *
 * Holds its weights as tensors: `dispose` it.
 *
 * @throws TypeError if the weights are not this network's.
 * @example
 * const network = new LandmarkNetwork(weights.landmarks);
 */
export class LandmarkNetwork implements PointNetwork {
  readonly size = LANDMARK_INPUT_SIZE;
  readonly #weights: Map<string, tf.Tensor>;
  readonly #runner: ForwardRunner;
  #disposed = false;

  /** @param compile runs the network in another engine than TensorFlow.js. */
  constructor(stored: StoredNetwork, compile?: CompileNetwork) {
    this.#runner = new ForwardRunner((images) => [this.forward(images)], compile);
    this.#weights = weightTensors('LandmarkNetwork', stored, parameterShapes());
  }

  /**
   * @param images `[batch, 112, 112, 3]`, float32, RGB less `LANDMARK_INPUT_MEAN`, divided by 255.
   * @returns `[batch, 136]`, float32: x0, y0, x1, y1 … in units of the image's side, 0 the left or upper edge. The
   *   caller disposes it.
   */
  forward(images: tf.Tensor4D): tf.Tensor2D {
    if (this.#disposed) fail(Error, 'LandmarkNetwork.forward', 'network', 'alive', 'a disposed one');
    const [, height, width, colours] = images.shape;
    if (height !== LANDMARK_INPUT_SIZE || width !== LANDMARK_INPUT_SIZE || colours !== 3) {
      fail(TypeError, 'LandmarkNetwork.forward', 'images', 'of shape [batch, 112, 112, 3]', images.shape);
    }
    return tf.tidy(() => {
      let x = images;
      for (let block = 0; block < 4; block++) x = this.#denseBlock(x, `dense${block}`);
      const features = tf.reshape(tf.avgPool(x, 7, 2, 'valid'), [-1, 256]);
      return tf.add(tf.matMul(features, this.#weight('fc/weights')), this.#weight('fc/bias')) as tf.Tensor2D;
    });
  }

  /** `(RGB - LANDMARK_INPUT_MEAN) / 255`, in place. */
  normalise(pixels: Float32Array): void {
    centreColours(pixels, LANDMARK_INPUT_MEAN);
  }

  async run(pixels: Float32Array, count: number): Promise<ViewPoints[]> {
    const [values] = await this.#runner.run(pixels, [count, LANDMARK_INPUT_SIZE, LANDMARK_INPUT_SIZE, 3]);
    return Array.from({ length: count }, (_, i) => ({
      points: values.subarray(i * 136, (i + 1) * 136),
      presence: 1,
    }));
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#runner.dispose();
    for (const weight of this.#weights.values()) weight.dispose();
  }

  #denseBlock(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const first = name === 'dense0' ? this.#plain(x, `${name}/conv0`) : this.#separable(x, `${name}/conv0`, 2, 'relu');
    const second = tf.add<tf.Tensor4D>(first, this.#separable(first, `${name}/conv1`));
    const third = tf.add<tf.Tensor4D>(second, this.#separable(tf.relu(second), `${name}/conv2`));
    return tf.relu(tf.add<tf.Tensor4D>(third, this.#separable(tf.relu(third), `${name}/conv3`)));
  }

  #plain(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const filter = this.#weight<tf.Tensor4D>(`${name}/filters`);
    return tf.fused.conv2d({
      x,
      filter,
      strides: 2,
      pad: 'same',
      bias: this.#weight(`${name}/bias`),
      activation: 'relu',
    });
  }

  #separable(x: tf.Tensor4D, name: string, strides = 1, activation: 'linear' | 'relu' = 'linear'): tf.Tensor4D {
    const each = tf.depthwiseConv2d(x, this.#weight<tf.Tensor4D>(`${name}/depthwise_filter`), strides, 'same');
    const filter = this.#weight<tf.Tensor4D>(`${name}/pointwise_filter`);
    return tf.fused.conv2d({
      x: each,
      filter,
      strides: 1,
      pad: 'same',
      bias: this.#weight(`${name}/bias`),
      activation,
    });
  }

  #weight<T extends tf.Tensor = tf.Tensor>(name: string): T {
    return this.#weights.get(name) as T;
  }
}
