import { fail } from '@lipsync/contracts';
import type { CompileNetwork } from '@lipsync/contracts/tensors';
import type * as tf from '@tensorflow/tfjs-core';
import { landmarkBox } from '../crop/landmark-geometry';
import { ForwardRunner } from '../detect/forward-runner';
import type { PointNetwork, ViewPoints } from '../detect/landmark-crops';
import { landmarksFromMediapipe } from '../import/mediapipe-landmarks';
import { GraphNetwork, type StoredGraph } from './stored-graph';

/** Pixels on a side of the image that the mesh network takes. */
const SIZE = 192;

/** Points of the mesh. */
const POINTS = 468;

/** The mesh (x, y and z in pixels of the input), and the confidence that there is a face. */
const OUTPUTS = ['Identity_2', 'Identity_1'] as const;

/**
 * MediaPipe's Face Mesh: 468 points of a face in an image of 192 x 192 pixels, and the confidence that there is one.
 * The 68 landmarks are `landmarksFromMediapipe` of its points.
 *
 * Source: `facemesh` of `@lipsync/mediapipe-weights`. Largest difference from the same graph in PyTorch 1.13: 1.4e-4 px
 * of 192.
 *
 * Holds its weights as tensors: `dispose` it.
 *
 * @throws TypeError if the weights are not this network's.
 * @example
 * const network = new FaceMesh(weights.facemesh);
 */
export class FaceMesh implements PointNetwork {
  readonly size = SIZE;
  readonly #graph: GraphNetwork;
  readonly #runner: ForwardRunner;

  /** @param compile runs the network in another engine than TensorFlow.js. */
  constructor(stored: StoredGraph, compile?: CompileNetwork) {
    this.#runner = new ForwardRunner((images) => this.forward(images), compile);
    this.#graph = new GraphNetwork('FaceMesh', stored, OUTPUTS);
  }

  /**
   * @param images `[batch, 192, 192, 3]`, float32, RGB from 0 to 1.
   * @returns the mesh `[batch, 1404]` in pixels of the input, and the confidence `[batch, 1]`; the caller disposes
   * them.
   */
  forward(images: tf.Tensor4D): [mesh: tf.Tensor2D, presence: tf.Tensor2D] {
    const [, height, width, colours] = images.shape;
    if (height !== SIZE || width !== SIZE || colours !== 3)
      fail(TypeError, 'FaceMesh.forward', 'images', 'of shape [batch, 192, 192, 3]', images.shape);
    return this.#graph.run(images) as [tf.Tensor2D, tf.Tensor2D];
  }

  /** RGB 0..255 to 0..1, in place. */
  normalise(pixels: Float32Array): void {
    for (let i = 0; i < pixels.length; i++) pixels[i] /= 255;
  }

  async run(pixels: Float32Array, count: number): Promise<ViewPoints[]> {
    const [meshes, presence] = await this.#runner.run(pixels, [count, SIZE, SIZE, 3]);
    return Array.from(presence, (confidence, i) => {
      const flat = Float32Array.from(
        { length: 2 * POINTS },
        (_, k) => meshes[3 * (i * POINTS + (k >> 1)) + (k & 1)] / SIZE, // x and y of x, y, z
      );
      return {
        points: landmarksFromMediapipe(flat, { width: 1, height: 1 }),
        presence: confidence,
        box: landmarkBox(flat),
      };
    });
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    this.#runner.dispose();
    this.#graph.dispose();
  }
}
