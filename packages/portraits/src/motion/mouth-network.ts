import type { ByteInput } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { Lstm, Network, Random, type RecurrentState } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { Mlp } from '../network/mlp';
import { assertSizes, loadNetwork, type NetworkKind, saveNetwork } from '../network/network-file';
import { pairFeatures } from './paired-features';

/** Sizes of a `MouthNetwork`. */
export type MouthConfig = {
  /** Values of an audio feature. */
  featureSize: number;
  /** Values of the LSTM's hidden state. */
  hiddenSize: number;
  /** LSTM layers. */
  layers: number;
  /** Values of the two layers behind the LSTM. */
  endSize: number;
  /** Values for each video frame: x, y, z of each point. */
  outputs: number;
  /** Frames by which the output is late: output `t + lookAhead` belongs to frame `t`. */
  lookAhead: number;
};

/** The published sizes: 25 points, 18 frames (300 ms) ahead; 3.1 million parameters. */
export const MOUTH: Readonly<MouthConfig> = Object.freeze({
  featureSize: 512,
  hiddenSize: 256,
  layers: 3,
  endSize: 512,
  outputs: 75,
  lookAhead: 18,
});

/**
 * Speech to the motion of the mouth: displacements of points from the person's mean face, 60 a second.
 *
 * Two features for each frame, a linear layer, batch normalisation, leaky ReLU, a linear layer; an LSTM; three linear
 * layers with the same between them. The LSTM knows only the past, so output `t + lookAhead` is what belongs to frame
 * `t`: it has heard 300 ms more.
 *
 * Source: Live Speech Portraits, `Audio2Feature` with its LSTM decoder: parameter names `downsample.0.weight`,
 * `LSTM.weight_ih_l0`, `fc.0.weight`, …. Largest difference from PyTorch 1.13 with the same weights: see README. Initial
 * weights as PyTorch's layers have them; the published training draws N(0, 0.02).
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError for sizes that are not whole numbers from 1 (`lookAhead` from 0).
 * @example
 * import { MOUTH, MouthNetwork } from '@lipsync/portraits';
 * import * as tf from '@tensorflow/tfjs-core';
 * const net = new MouthNetwork(MOUTH, { seed: 0 }).eval();
 * const displacements = net.forward(tf.zeros([1, 120, 512])); // [1, 60, 75], the first 18 frames before the audio
 */
export class MouthNetwork extends Network {
  readonly config: Readonly<MouthConfig>;
  readonly #start: Mlp;
  readonly #lstm: Lstm;
  readonly #end: Mlp;

  /** @param options.seed of the first weights, an integer. */
  constructor(config: MouthConfig, { seed }: { seed: number }) {
    super();
    const where = 'MouthNetwork';
    assertSizes(where, config, ['featureSize', 'hiddenSize', 'layers', 'endSize', 'outputs']);
    const { featureSize, hiddenSize, layers, endSize, outputs, lookAhead } = config;
    if (!(Number.isInteger(lookAhead) && lookAhead >= 0))
      fail(RangeError, where, 'config.lookAhead', 'a whole number from 0', lookAhead);
    this.config = { featureSize, hiddenSize, layers, endSize, outputs, lookAhead };
    const random = new Random(seed);
    this.#start = this.register('downsample', new Mlp([2 * featureSize, featureSize, featureSize], random));
    this.#lstm = this.register('LSTM', new Lstm({ inputSize: featureSize, hiddenSize, layers, random }));
    this.#end = this.register('fc', new Mlp([hiddenSize, endSize, endSize, outputs], random));
  }

  /**
   * @param features float32 `[batch, 2 · frames, featureSize]`, 120 a second; borrowed.
   * @returns float32 `[batch, frames, outputs]`, `lookAhead` frames late. The caller disposes it.
   * @throws TypeError for another shape.
   */
  forward(features: tf.Tensor3D): tf.Tensor3D {
    this.assertUsable();
    return tf.tidy(() => {
      const pairs = pairFeatures('MouthNetwork.forward', features, this.config.featureSize);
      return this.#end.forward(this.#lstm.forward(this.#start.forward(pairs)));
    });
  }

  /**
   * Continues features that come in pieces: in evaluation mode the values of `forward` for the whole, but for rounding.
   *
   * @param features float32 `[batch, 2 · frames, featureSize]`; borrowed.
   * @param state what the piece before gave; borrowed. Default: the sequence starts.
   * @returns output float32 `[batch, frames, outputs]`, and the state after it. The caller disposes both.
   * @throws TypeError for another shape.
   */
  advance(features: tf.Tensor3D, state?: RecurrentState): { output: tf.Tensor3D; state: RecurrentState } {
    this.assertUsable('advance');
    const started = tf.tidy(() =>
      this.#start.forward(pairFeatures('MouthNetwork.advance', features, this.config.featureSize)),
    );
    const next = this.#lstm.advance(started, state);
    const output = this.#end.forward(next.output);
    tf.dispose([started, next.output]);
    return { output, state: next.state };
  }

  /**
   * The loss of training: 1000 times the mean squared difference of outputs `lookAhead …` from targets `… -lookAhead`.
   *
   * @param features float32 `[batch, 2 · frames, featureSize]`, borrowed.
   * @param targets displacements float32 `[batch, frames, outputs]`, more frames than `lookAhead`; borrowed.
   * @returns float32 scalar. The caller disposes it.
   * @throws TypeError for shapes that do not fit together.
   */
  loss(features: tf.Tensor3D, targets: tf.Tensor3D): tf.Scalar {
    const { outputs, lookAhead } = this.config;
    const [batch, steps = 0] = features.shape;
    const frames = steps / 2;
    if (targets.shape.join() !== [batch, frames, outputs].join() || frames <= lookAhead) {
      const rule = `of shape [${batch}, ${frames}, ${outputs}] with more than ${lookAhead} frames`;
      fail(TypeError, 'MouthNetwork.loss', 'targets', rule, targets.shape);
    }
    return tf.tidy(() => {
      const size = [batch, frames - lookAhead, outputs] as [number, number, number];
      const late = tf.slice3d(this.forward(features), [0, lookAhead, 0], size);
      const wanted = tf.slice3d(targets, [0, 0, 0], size);
      return tf.mul(tf.mean(tf.squaredDifference(late, wanted)), 1000) as tf.Scalar;
    });
  }
}

const KIND: NetworkKind<MouthConfig, MouthNetwork> = {
  name: 'mouth',
  title: 'of a mouth network',
  identifiedBy: 'LSTM.weight_ih_l0',
  configOf: (shapes, side) => ({
    featureSize: side('downsample.0.weight', 0),
    hiddenSize: side('LSTM.weight_hh_l0', 1),
    layers: [...shapes.keys()].filter((name) => name.startsWith('LSTM.weight_ih_l')).length,
    endSize: side('fc.0.weight', 0),
    outputs: side('fc.6.weight', 0),
    lookAhead: MOUTH.lookAhead, // leaves no trace in the shapes
  }),
  make: (config) => new MouthNetwork(config, { seed: 0 }),
};

/**
 * The mouth network of a weights file: ours, or PyTorch's with the published names.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns in evaluation mode, `weightsHash` set. The caller disposes it.
 * @throws Error where the file belongs to another network, and one with every missing, unused and misshapen name.
 * @example
 * import { loadMouthNetwork } from '@lipsync/portraits';
 * const net = await loadMouthNetwork('Audio2Feature.pkl');
 */
export function loadMouthNetwork(source: ByteInput): Promise<MouthNetwork> {
  return loadNetwork('loadMouthNetwork', KIND, source);
}

/**
 * A mouth network as the bytes of a safetensors file, with its config; `loadMouthNetwork` reads it.
 *
 * @example
 * import { MOUTH, MouthNetwork, saveMouthNetwork } from '@lipsync/portraits';
 * const bytes = await saveMouthNetwork(new MouthNetwork(MOUTH, { seed: 0 }));
 */
export function saveMouthNetwork(net: MouthNetwork): Promise<Uint8Array> {
  return saveNetwork(KIND, net);
}
