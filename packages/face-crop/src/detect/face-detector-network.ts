import { fail } from '@lipsync/contracts';
import type { CompileNetwork } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { type BoxNetwork, type FaceBox, type FoundFace, strongest } from './find-faces';
import { ForwardRunner } from './forward-runner';
import { centreColours } from './landmark-crops';
import { type StoredNetwork, weightTensors } from './network-weights';

/** Subtracted from RGB 0..255 before the division by 255. */
export const DETECTOR_INPUT_MEAN = [117.001, 114.697, 97.404] as const;

/** Width and height of the five anchors, in cells of 32 px. */
const ANCHORS = [
  [1.603231, 2.094468],
  [6.041143, 7.080126],
  [2.882459, 3.518061],
  [4.266906, 5.178857],
  [9.041765, 10.66308],
] as const;

const CHANNELS = [3, 16, 32, 64, 128, 256, 512];

function parameterShapes(): Map<string, number[]> {
  const shapes = new Map<string, number[]>([
    ['conv0/filters', [3, 3, 3, 16]],
    ['conv0/bias', [16]],
  ]);
  for (let i = 1; i <= 5; i++) {
    shapes.set(`conv${i}/depthwise_filter`, [3, 3, CHANNELS[i], 1]);
    shapes.set(`conv${i}/pointwise_filter`, [1, 1, CHANNELS[i], CHANNELS[i + 1]]);
    shapes.set(`conv${i}/bias`, [CHANNELS[i + 1]]);
  }
  return shapes.set('conv8/filters', [1, 1, 512, 25]).set('conv8/bias', [25]);
}

/**
 * The tiny face detector of face-api: six convolutions (the first plain, the others separable) with leaky ReLU and
 * pooling, then five boxes for each cell of 32 x 32 px.
 *
 * Source: `tiny_face_detector_model` of `@vladmandic/face-api` 1.7.15 (MIT), rebuilt from its weights' names and
 * shapes. Largest difference from the same network in PyTorch 1.13: below 1e-4 in every score and box edge, see the
 * test.
 *
 * Holds its weights as tensors: `dispose` it.
 *
 * @throws TypeError if the weights are not this network's.
 * @example
 * const network = new FaceDetectorNetwork(weights.detector);
 */
export class FaceDetectorNetwork implements BoxNetwork {
  readonly #weights: Map<string, tf.Tensor>;
  readonly #runner: ForwardRunner;
  #disposed = false;

  /** @param compile runs the network in another engine than TensorFlow.js. */
  constructor(stored: StoredNetwork, compile?: CompileNetwork) {
    this.#runner = new ForwardRunner((image) => [this.forward(image)], compile);
    this.#weights = weightTensors('FaceDetectorNetwork', stored, parameterShapes());
  }

  /**
   * @param image `[1, size, size, 3]`, float32, RGB less `DETECTOR_INPUT_MEAN`, divided by 255; size a multiple of 32.
   * @returns `[1, size / 32, size / 32, 25]`, float32; channel = anchor · 5 + (x, y, width, height, score), all before
   *   the sigmoid or exponential. The caller disposes it.
   */
  forward(image: tf.Tensor4D): tf.Tensor4D {
    if (this.#disposed) fail(Error, 'FaceDetectorNetwork.forward', 'network', 'alive', 'a disposed one');
    const [, height, width, colours] = image.shape;
    if (height !== width || height % 32 !== 0 || colours !== 3) {
      fail(
        TypeError,
        'FaceDetectorNetwork.forward',
        'image',
        'of shape [1, size, size, 3], size a multiple of 32',
        image.shape,
      );
    }
    return tf.tidy(() => {
      const filter = this.#weight<tf.Tensor4D>('conv0/filters');
      let x = tf.fused.conv2d({ x: image, filter, strides: 1, pad: 'same', bias: this.#weight('conv0/bias') });
      x = tf.maxPool(tf.leakyRelu(x, 0.1), 2, 2, 'same');
      for (let i = 1; i <= 4; i++) x = tf.maxPool(this.#separable(x, `conv${i}`), 2, 2, 'same');
      // a pool that keeps the size: padded on the right and below
      x = tf.maxPool(this.#separable(x, 'conv5'), 2, 1, 'same');
      const last = this.#weight<tf.Tensor4D>('conv8/filters');
      return tf.fused.conv2d({ x, filter: last, strides: 1, pad: 'same', bias: this.#weight('conv8/bias') });
    });
  }

  /** `(RGB - DETECTOR_INPUT_MEAN) / 255`, in place. */
  normalise(pixels: Float32Array): void {
    centreColours(pixels, DETECTOR_INPUT_MEAN);
  }

  async run(pixels: Float32Array, size: number, minScore: number): Promise<FaceBox[]> {
    const [output] = await this.#runner.run(pixels, [1, size, size, 3]);
    return decodeFaceBoxes(output, size / 32, minScore);
  }

  suppress(boxes: readonly FoundFace[]): FoundFace[] {
    return strongest(boxes);
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#runner.dispose();
    for (const weight of this.#weights.values()) weight.dispose();
  }

  #separable(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const each = tf.depthwiseConv2d(x, this.#weight<tf.Tensor4D>(`${name}/depthwise_filter`), 1, 'same');
    const filter = this.#weight<tf.Tensor4D>(`${name}/pointwise_filter`);
    const mixed = tf.fused.conv2d({ x: each, filter, strides: 1, pad: 'same', bias: this.#weight(`${name}/bias`) });
    return tf.leakyRelu(mixed, 0.1);
  }

  #weight<T extends tf.Tensor = tf.Tensor>(name: string): T {
    return this.#weights.get(name) as T;
  }
}

const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));

/**
 * Reads the boxes out of the detector's output.
 *
 * `x = (column + sigmoid(x)) / cells`, `width = exp(w) · anchor / cells`, `score = sigmoid(s)`; y and height likewise.
 *
 * @param output `[cells, cells, 25]`, as `FaceDetectorNetwork.forward` gives it.
 * @returns every box whose score is at least `minScore`, in the order of cells and anchors; they may overlap.
 * @example
 * const boxes = decodeFaceBoxes(await output.data() as Float32Array, 7, 0.3);
 */
export function decodeFaceBoxes(output: Float32Array, cells: number, minScore: number): FaceBox[] {
  if (output.length !== cells * cells * 25) {
    fail(
      TypeError,
      'decodeFaceBoxes',
      'output',
      `cells · cells · 25 = ${cells * cells * 25} values long`,
      output.length,
    );
  }
  const boxes: FaceBox[] = [];
  for (let row = 0; row < cells; row++) {
    for (let column = 0; column < cells; column++) {
      for (let anchor = 0; anchor < 5; anchor++) {
        const at = (row * cells + column) * 25 + anchor * 5;
        const score = sigmoid(output[at + 4]);
        if (score < minScore) continue;
        const [anchorWidth, anchorHeight] = ANCHORS[anchor];
        boxes.push({
          x: (column + sigmoid(output[at])) / cells,
          y: (row + sigmoid(output[at + 1])) / cells,
          width: (Math.exp(output[at + 2]) * anchorWidth) / cells,
          height: (Math.exp(output[at + 3]) * anchorHeight) / cells,
          score,
        });
      }
    }
  }
  return boxes;
}
