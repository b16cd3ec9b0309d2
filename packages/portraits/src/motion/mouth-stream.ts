import { assertFeatures, type Features, fail } from '@lipsync/contracts';
import type { RecurrentState } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { MouthNetwork } from './mouth-network';
import { FeaturePairs } from './paired-features';

/**
 * The motion of the mouth of features that come in pieces: what `push` and `end` return, concatenated, equals
 * `mouthMotion` of the whole, but for rounding; in constant memory.
 *
 * A frame is returned once the features of `lookAhead` frames more have come; at the end the last features are repeated
 * for them, as in the reference.
 *
 * Holds the network's state until `dispose()`; the network stays the caller's, in evaluation mode.
 *
 * @throws Error for a network in training mode.
 * @example
 * import { MOUTH, MouthNetwork, MouthStream } from '@lipsync/portraits';
 * const stream = new MouthStream(new MouthNetwork(MOUTH, { seed: 0 }).eval());
 * const frames = await stream.push({ data: new Float32Array(120 * 512), steps: 120, bins: 512 }); // 42 frames of 75
 * const rest = await stream.end(); // 18 frames
 * stream.dispose();
 */
export class MouthStream {
  readonly #net: MouthNetwork;
  readonly #pairs: FeaturePairs;
  #state: RecurrentState | undefined;
  /** Outputs that belong to no frame, still to be dropped. */
  #early: number;
  /** The last frame's features. */
  #last: Float32Array = new Float32Array(0);
  #ended = false;

  constructor(net: MouthNetwork) {
    assertEvaluates('MouthStream', net);
    this.#net = net;
    this.#pairs = new FeaturePairs(net.config.featureSize);
    this.#early = net.config.lookAhead;
  }

  /**
   * Takes the next features, 120 a second, any number. One call at a time.
   *
   * @returns float32 `[frames · outputs]`: displacements of the frames that are complete; the caller's.
   * @throws TypeError for features of another size. Error after `end`.
   */
  push(features: Features): Promise<Float32Array> {
    const where = 'MouthStream.push';
    if (this.#ended) fail(Error, where, 'stream', 'open', 'one that has ended');
    assertFeatures(where, features);
    const { featureSize } = this.#net.config;
    if (features.bins !== featureSize) fail(TypeError, where, 'features.bins', `${featureSize}`, features.bins);
    return this.#move(this.#pairs.push(features.data));
  }

  /**
   * Ends the stream.
   *
   * @returns float32 `[frames · outputs]`: the last frames, up to `lookAhead`.
   * @throws Error if called twice, or after an odd number of features.
   */
  end(): Promise<Float32Array> {
    const where = 'MouthStream.end';
    if (this.#ended) fail(Error, where, 'stream', 'open', 'one that has ended');
    this.#ended = true;
    if (this.#pairs.isOdd) fail(Error, where, 'features', 'two for each video frame', 'an odd number');
    const { lookAhead } = this.#net.config;
    const size = this.#last.length;
    const repeated = new Float32Array(size * lookAhead);
    for (let frame = 0; frame < lookAhead; frame++) repeated.set(this.#last, frame * size);
    return this.#move(repeated);
  }

  /** Frees the network's state. Safe to call twice. */
  dispose(): void {
    tf.dispose(this.#state ?? []);
    this.#state = undefined;
  }

  /** Outputs for whole pairs `[2 · frames, featureSize]`, without the early ones. */
  async #move(pairs: Float32Array): Promise<Float32Array> {
    const { featureSize, outputs } = this.#net.config;
    const frames = pairs.length / (2 * featureSize);
    if (frames === 0) return new Float32Array(0);
    this.#last = pairs.slice((frames - 1) * 2 * featureSize);
    const input = tf.tensor3d(pairs.slice(), [1, 2 * frames, featureSize]);
    const { output, state } = this.#net.advance(input, this.#state);
    tf.dispose([input, this.#state ?? []]);
    this.#state = state;
    const data = (await output.data()) as Float32Array;
    output.dispose();
    const dropped = Math.min(this.#early, frames);
    this.#early -= dropped;
    return data.slice(dropped * outputs);
  }
}

/**
 * The motion of the mouth of a whole clip.
 *
 * @param features `[2 · frames, featureSize]`, 120 a second.
 * @returns float32 `[frames · outputs]`: displacements for each frame, 60 a second; the caller's.
 * @throws as `MouthStream`.
 * @example
 * import { loadMouthNetwork, mouthMotion } from '@lipsync/portraits';
 * const net = await loadMouthNetwork('mouth.safetensors');
 * const features = { data: new Float32Array(120 * 512), steps: 120, bins: 512 };
 * const motion = await mouthMotion(net, features); // 60 frames of 75
 */
export async function mouthMotion(net: MouthNetwork, features: Features): Promise<Float32Array> {
  const stream = new MouthStream(net);
  try {
    const [first, rest] = [await stream.push(features), await stream.end()];
    const all = new Float32Array(first.length + rest.length);
    all.set(first);
    all.set(rest, first.length);
    return all;
  } finally {
    stream.dispose();
  }
}

/** Refuses a network in training mode, whose normalisation depends on the whole batch. */
export function assertEvaluates(where: string, net: { readonly training: boolean }): void {
  if (net.training) fail(Error, where, 'net', 'in evaluation mode (call eval())', 'one in training mode');
}
