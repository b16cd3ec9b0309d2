import type { ByteInput } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { Gru, Linear, Network, Random, type RecurrentState } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { assertSizes, loadNetwork, type NetworkKind, saveNetwork } from '../network/network-file';

/** Sizes of an `Apc`. */
export type ApcConfig = {
  /** Mel bands of a step. */
  melBins: number;
  /** Values of a feature. */
  hiddenSize: number;
  /** GRU layers. */
  layers: number;
};

/** The published sizes: 4.1 million parameters. */
export const APC: Readonly<ApcConfig> = Object.freeze({ melBins: 80, hiddenSize: 512, layers: 3 });

/** Options of `Apc`. */
export type ApcOptions = {
  /** Seed of the first weights, an integer. */
  seed: number;
  /** Whether it has the linear layer of training, `postnet`, for `loss`. Default false. */
  predicts?: boolean;
};

/**
 * Autoregressive predictive coding: an encoder of speech that learns, without labels, to predict the mel spectrogram a
 * few steps ahead. Its features know what is said, and little of who says it.
 *
 * GRU layers in sequence, without residual connections; the last one's hidden states are the features. In training a
 * linear layer predicts from each the mel vector three steps (25 ms) later; it is left out of files.
 *
 * Source: Chung et al. 2019 as Live Speech Portraits uses it: parameter names `rnns.0.weight_ih_l0` … `rnns.2.bias_hh_l0`.
 * Largest difference from PyTorch 1.13 with the same weights: see README.
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError for sizes that are not whole numbers from 1.
 * @example
 * import { APC, Apc } from '@lipsync/portraits';
 * import * as tf from '@tensorflow/tfjs-core';
 * const apc = new Apc(APC, { seed: 0 });
 * const features = apc.forward(tf.zeros([1, 120, 80])); // [1, 120, 512]: a second
 */
export class Apc extends Network {
  readonly config: Readonly<ApcConfig>;
  readonly #layers: Gru[];
  readonly #postnet: Linear | undefined;

  constructor(config: ApcConfig, { seed, predicts = false }: ApcOptions) {
    super();
    assertSizes('Apc', config, ['melBins', 'hiddenSize', 'layers']);
    const { melBins, hiddenSize, layers } = config;
    this.config = { melBins, hiddenSize, layers };
    const random = new Random(seed);
    this.#layers = Array.from({ length: layers }, (_, i) =>
      this.register(`rnns.${i}`, new Gru({ inputSize: i === 0 ? melBins : hiddenSize, hiddenSize, random })),
    );
    if (predicts) {
      this.#postnet = this.register('postnet', new Linear({ inFeatures: hiddenSize, outFeatures: melBins, random }));
    }
  }

  /**
   * @param mel float32 `[batch, time, melBins]`, of `lspMel` of `@lipsync/audio-mel`; borrowed.
   * @returns features float32 `[batch, time, hiddenSize]`, -1..1. The caller disposes them.
   * @throws TypeError for another shape.
   */
  forward(mel: tf.Tensor3D): tf.Tensor3D {
    this.assertUsable();
    return tf.tidy(() => this.#layers.reduce((x, layer) => layer.forward(x), mel));
  }

  /**
   * Continues a spectrogram that comes in pieces: the features of `forward` for the whole, but for rounding.
   *
   * @param mel float32 `[batch, time, melBins]`, the next steps, at least one; borrowed.
   * @param state what the piece before gave; borrowed. Default: the sequence starts.
   * @returns output float32 `[batch, time, hiddenSize]`, and the state after it. The caller disposes both.
   */
  advance(mel: tf.Tensor3D, state?: RecurrentState): { output: tf.Tensor3D; state: RecurrentState } {
    this.assertUsable('advance');
    const after: RecurrentState = [];
    const output = this.#layers.reduce((x, layer, i) => {
      const next = layer.advance(x, state && [state[i]]);
      after.push(...next.state);
      if (i > 0) x.dispose();
      return next.output;
    }, mel);
    return { output, state: after };
  }

  /**
   * The loss of training: mean of `|postnet(h_t) - mel_(t + ahead)|`.
   *
   * @param mel float32 `[batch, time, melBins]`, more than `stepsAhead` steps; borrowed.
   * @param options.stepsAhead how far ahead the prediction is. Default 3.
   * @returns float32 scalar. The caller disposes it.
   * @throws Error for a network without `predicts`; RangeError for too few steps.
   * @example
   * import { AdamW, disposeGradients, valueAndGradients } from '@lipsync/nn';
   * import { APC, Apc } from '@lipsync/portraits';
   * declare const mel: import('@tensorflow/tfjs-core').Tensor3D;
   * const apc = new Apc(APC, { seed: 0, predicts: true });
   * const optimizer = new AdamW(apc.namedParameters(), { learningRate: 1e-4 });
   * const { value, gradients } = valueAndGradients(apc, () => apc.loss(mel));
   * optimizer.step(gradients);
   * disposeGradients(gradients);
   * value.dispose();
   */
  loss(mel: tf.Tensor3D, { stepsAhead = 3 }: { stepsAhead?: number } = {}): tf.Scalar {
    const where = 'Apc.loss';
    const postnet = this.#postnet;
    if (!postnet) fail(Error, where, 'this network', 'one with options.predicts', 'one without');
    const [batch, time, bins] = mel.shape;
    if (!(Number.isInteger(stepsAhead) && stepsAhead >= 1 && stepsAhead < time))
      fail(RangeError, where, 'stepsAhead', `a whole number from 1 to ${time - 1}, of ${time} steps`, stepsAhead);
    return tf.tidy(() => {
      const size = [batch, time - stepsAhead, bins] as [number, number, number];
      const known = tf.slice3d(mel, [0, 0, 0], size);
      const wanted = tf.slice3d(mel, [0, stepsAhead, 0], size);
      return tf.mean(tf.abs(tf.sub(postnet.forward(this.forward(known)), wanted))) as tf.Scalar;
    });
  }
}

const KIND: NetworkKind<ApcConfig, Apc> = {
  name: 'apc',
  title: 'of an APC encoder',
  identifiedBy: 'rnns.0.weight_ih_l0',
  ignores: (name) => !name.startsWith('rnns.'),
  configOf: (shapes, side) => ({
    melBins: side('rnns.0.weight_ih_l0', 1),
    hiddenSize: side('rnns.0.weight_hh_l0', 1),
    layers: [...shapes.keys()].filter((name) => /^rnns\.\d+\.weight_ih_l0$/.test(name)).length,
  }),
  make: (config) => new Apc(config, { seed: 0 }),
};

/**
 * The encoder of a weights file: ours, or PyTorch's with the published names (`APC_epoch_160.model`), from which
 * everything but `rnns` is left out.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns in evaluation mode, `weightsHash` set. The caller disposes it.
 * @throws Error where the file belongs to another network, and one with every missing and misshapen name.
 * @example
 * import { loadApc } from '@lipsync/portraits';
 * const apc = await loadApc('APC_epoch_160.model');
 */
export function loadApc(source: ByteInput): Promise<Apc> {
  return loadNetwork('loadApc', KIND, source);
}

/**
 * An encoder as the bytes of a safetensors file, with its config; `loadApc` reads it, without `postnet`.
 *
 * @example
 * import { APC, Apc, saveApc } from '@lipsync/portraits';
 * const bytes = await saveApc(new Apc(APC, { seed: 0 }));
 */
export function saveApc(apc: Apc): Promise<Uint8Array> {
  return saveNetwork(KIND, apc);
}
