import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Two consecutive features of 120 a second side by side: one vector for each video frame of 60 a second.
 *
 * @param features float32 `[batch, 2 · frames, featureSize]`, borrowed.
 * @returns float32 `[batch, frames, 2 · featureSize]`. The caller disposes it.
 * @throws TypeError for another shape, or an odd number of steps.
 */
export function pairFeatures(where: string, features: tf.Tensor, featureSize: number): tf.Tensor3D {
  const [batch, steps = 0, values] = features.shape;
  if (features.rank !== 3 || values !== featureSize || steps < 2 || steps % 2 !== 0) {
    const rule = `of shape [batch, 2 · frames, ${featureSize}] with at least one frame`;
    fail(TypeError, where, 'features', rule, features.shape);
  }
  return tf.reshape(features, [batch, steps / 2, 2 * values]);
}

/** Pairs of features of a stream: keeps what is left of an odd piece. */
export class FeaturePairs {
  readonly #size: number;
  #left: Float32Array = new Float32Array(0);

  /** @param size values of a feature. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Whether a feature waits for its other half. */
  get isOdd(): boolean {
    return this.#left.length > 0;
  }

  /** `[2 · frames, size]` of the frames that `data`, the next features, completes. */
  push(data: Float32Array): Float32Array {
    const all = new Float32Array(this.#left.length + data.length);
    all.set(this.#left);
    all.set(data, this.#left.length);
    const complete = all.length - (all.length % (2 * this.#size));
    this.#left = all.slice(complete);
    return all.subarray(0, complete);
  }
}
