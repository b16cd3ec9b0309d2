import type { CompiledNetwork, CompileNetwork } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Runs a forward pass on plain arrays: on the TensorFlow.js backend that is set, or compiled for another engine, once
 * for each size of image.
 *
 * What is compiled holds memory of that engine: `dispose` it.
 *
 * @example
 * const runner = new ForwardRunner((images) => [network.forward(images)], compile);
 * const [points] = await runner.run(pixels, [2, 112, 112, 3]);
 */
export class ForwardRunner {
  readonly #forward: (images: tf.Tensor4D) => tf.Tensor[];
  readonly #compile?: CompileNetwork;
  readonly #compiled = new Map<string, Promise<CompiledNetwork>>();

  constructor(forward: (images: tf.Tensor4D) => tf.Tensor[], compile?: CompileNetwork) {
    this.#forward = forward;
    this.#compile = compile;
  }

  /** @returns the values of each output; no tensor is left. */
  async run(pixels: Float32Array, shape: [batch: number, height: number, width: number, colours: number]) {
    const [batch, ...image] = shape;
    if (this.#compile) return (await this.#network(image)).run(pixels, batch);
    const images = tf.tensor4d(pixels, shape);
    const outputs = this.#forward(images);
    images.dispose();
    try {
      return (await Promise.all(outputs.map((output) => output.data()))) as Float32Array[];
    } finally {
      tf.dispose(outputs);
    }
  }

  /** Frees what was compiled; safe to call twice. */
  dispose(): void {
    for (const network of this.#compiled.values())
      network.then(
        (compiled) => compiled.dispose(),
        () => {}, // thrown where it was run
      );
    this.#compiled.clear();
  }

  #network(image: number[]): Promise<CompiledNetwork> {
    const key = image.join(' x ');
    const compiled = this.#compiled.get(key) ?? this.#compile!((images) => this.#forward(images as tf.Tensor4D), image);
    this.#compiled.set(key, compiled);
    return compiled;
  }
}
