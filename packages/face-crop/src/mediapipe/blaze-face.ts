import { fail } from '@lipsync/contracts';
import type { CompileNetwork } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { type BoxNetwork, blended, type FaceBox, type FoundFace } from '../detect/find-faces';
import { ForwardRunner } from '../detect/forward-runner';
import { GraphNetwork, type StoredGraph } from './stored-graph';

/**
 * Outputs of the graph: scores and boxes of the fine grid (cells of 16 px, 2 anchors), then of the coarse (32 px, 6).
 */
const OUTPUTS = ['Identity', 'Identity_2', 'Identity_1', 'Identity_3'] as const;

/** Cells in pixels, and boxes in each. */
const GRIDS = [
  { cell: 16, anchors: 2 },
  { cell: 32, anchors: 6 },
] as const;

/** Values of a box: centre, size, and six points (eyes, nose, mouth, ears). */
const VALUES = 16;

/**
 * MediaPipe's face detector (BlazeFace, the model for back cameras): boxes with six points in an image of 256 x 256
 * pixels. It is fully convolutional: larger images, in which smaller faces are found, are taken too.
 *
 * Source: `blazeface` of `@lipsync/mediapipe-weights`. Largest difference from the same graph in PyTorch 1.13: 4e-6 of
 * the largest score, 2e-4 px of 256 in boxes.
 *
 * Holds its weights as tensors: `dispose` it.
 *
 * @throws TypeError if the weights are not this network's.
 * @example
 * const network = new BlazeFace(weights.blazeface);
 */
export class BlazeFace implements BoxNetwork {
  readonly #graph: GraphNetwork;
  readonly #runner: ForwardRunner;

  /** @param compile runs the network in another engine than TensorFlow.js. */
  constructor(stored: StoredGraph, compile?: CompileNetwork) {
    this.#runner = new ForwardRunner((image) => this.forward(image), compile);
    this.#graph = new GraphNetwork('BlazeFace', stored, OUTPUTS);
  }

  /**
   * @param image `[1, size, size, 3]`, float32, RGB from -1 to 1; size a multiple of 32.
   * @returns scores `[n, 1]` before the sigmoid and boxes `[n, 16]` in pixels, of the fine and then of the coarse grid;
   * the caller disposes them.
   */
  forward(image: tf.Tensor4D): tf.Tensor2D[] {
    const [, height, width, colours] = image.shape;
    if (height !== width || height % 32 !== 0 || colours !== 3) {
      const rule = 'of shape [1, size, size, 3], size a multiple of 32';
      fail(TypeError, 'BlazeFace.forward', 'image', rule, image.shape);
    }
    return tf.tidy(() =>
      this.#graph.run(image).map((x, i) => tf.reshape<tf.Rank.R2>(x, [-1, i % 2 === 0 ? 1 : VALUES])),
    );
  }

  /** RGB 0..255 to -1..1, in place. */
  normalise(pixels: Float32Array): void {
    for (let i = 0; i < pixels.length; i++) pixels[i] = pixels[i] / 127.5 - 1;
  }

  async run(pixels: Float32Array, size: number, minScore: number): Promise<FaceBox[]> {
    return decodeBlazeFace(await this.#runner.run(pixels, [1, size, size, 3]), size, minScore);
  }

  suppress(boxes: readonly FoundFace[]): FoundFace[] {
    return blended(boxes);
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    this.#runner.dispose();
    this.#graph.dispose();
  }
}

/**
 * Reads the boxes out of the outputs: `centre = (cell + 0.5) · size of the cell + offset`, all in pixels of the input.
 *
 * @param outputs scores and boxes, as `BlazeFace.forward` gives them, of the fine and of the coarse grid.
 * @param size side of the input in pixels.
 * @returns every box whose score is at least `minScore`, with the angle of the line through its eyes; they may overlap.
 */
export function decodeBlazeFace(outputs: readonly Float32Array[], size: number, minScore: number): FaceBox[] {
  return GRIDS.flatMap(({ cell, anchors }, grid) => {
    const [scores, boxes] = outputs.slice(2 * grid, 2 * grid + 2);
    const cells = size / cell;
    const found: FaceBox[] = [];
    scores.forEach((logit, i) => {
      const score = 1 / (1 + Math.exp(-logit));
      if (score < minScore) return;
      const place = Math.floor(i / anchors);
      const [left, top] = [((place % cells) + 0.5) * cell, (Math.floor(place / cells) + 0.5) * cell];
      const [x, y, width, height, rightX, rightY, leftX, leftY] = boxes.subarray(i * VALUES, i * VALUES + 8);
      found.push({
        x: (left + x) / size,
        y: (top + y) / size,
        width: width / size,
        height: height / size,
        // the person's right eye is the left one in the image
        angle: Math.atan2(leftY - rightY, leftX - rightX),
        score,
      });
    });
    return found;
  });
}
