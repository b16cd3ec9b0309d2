import type { ByteInput } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { Network, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { Mlp } from '../network/mlp';
import { assertSizes, loadNetwork, type NetworkKind, saveNetwork } from '../network/network-file';
import { pairFeatures } from './paired-features';
import { poseLoss } from './pose-likelihood';
import { dilationsOf, WaveNet } from './wavenet';

/** Sizes of a `HeadPoseNetwork`. */
export type HeadPoseConfig = {
  /** Values of an audio feature. */
  featureSize: number;
  /** Values of a pose: 3 rotations, 3 translations, and the velocity of each. */
  poseSize: number;
  channels: number;
  skipChannels: number;
  /** Blocks of residual layers. */
  blocks: number;
  /** Layers of a block; their dilations are 1, 2, 4, …. */
  layers: number;
  /** Frames of audio that are heard before a pose is given. */
  lookAhead: number;
};

/** The published sizes: 2 blocks of 7 layers, a receptive field of 255 frames (4.25 s), 15 frames (250 ms) ahead. */
export const HEAD_POSE: Readonly<HeadPoseConfig> = Object.freeze({
  featureSize: 512,
  poseSize: 12,
  channels: 128,
  skipChannels: 256,
  blocks: 2,
  layers: 7,
  lookAhead: 15,
});

/** Options of `HeadPoseNetwork`. */
export type HeadPoseOptions = {
  /** Seed of the first weights and of the dropout, an integer. */
  seed: number;
  /** Share of the values of past poses that training drops, from 0 to below 1. Default 0.5. */
  dropout?: number;
};

/**
 * Speech to the motion of the head: for each frame of 60 a second, from the poses before it and the audio, a normal
 * distribution of the next pose; drawing from it frame by frame (`HeadPoseStream`) gives one of many motions that suit.
 *
 * Past poses go through two layers of 1 x 1 and gated residual layers with dilations 1, 2, …, 64, twice; two features
 * for each frame, through a linear layer, batch normalisation, leaky ReLU and a linear layer, condition every layer.
 *
 * Source: Live Speech Portraits, `Audio2Headpose` with its WaveNet decoder: parameter names `audio_downsample.0.weight`,
 * `WaveNet.residual_blocks.0.filter_conv.weight`, …. Largest difference from PyTorch 1.13 with the same weights: see
 * README. Training drops whole values of the past poses; set the step with `setDropoutStep` of `@lipsync/nn`.
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError for sizes that are not whole numbers from 1 (`lookAhead` from 0).
 * @example
 * import { HEAD_POSE, HeadPoseNetwork } from '@lipsync/portraits';
 * import * as tf from '@tensorflow/tfjs-core';
 * const net = new HeadPoseNetwork(HEAD_POSE, { seed: 0 }).eval();
 * const output = net.forward(tf.zeros([1, 60, 12]), tf.zeros([1, 120, 512])); // [1, 60, 25]
 */
export class HeadPoseNetwork extends Network {
  readonly config: Readonly<HeadPoseConfig>;
  /** Frames that an output depends on: 255 with the published sizes. */
  readonly receptiveField: number;
  readonly #condition: Mlp;
  readonly #wavenet: WaveNet;

  constructor(config: HeadPoseConfig, { seed, dropout = 0.5 }: HeadPoseOptions) {
    super();
    const where = 'HeadPoseNetwork';
    assertSizes(where, config, ['featureSize', 'poseSize', 'channels', 'skipChannels', 'blocks', 'layers']);
    const { featureSize, poseSize, channels, skipChannels, blocks, layers, lookAhead } = config;
    if (!(Number.isInteger(lookAhead) && lookAhead >= 0))
      fail(RangeError, where, 'config.lookAhead', 'a whole number from 0', lookAhead);
    this.config = { featureSize, poseSize, channels, skipChannels, blocks, layers, lookAhead };
    this.receptiveField = dilationsOf(config).reduce((sum, dilation) => sum + dilation, 1);
    const random = new Random(seed);
    this.#condition = this.register('audio_downsample', new Mlp([2 * featureSize, featureSize, featureSize], random));
    const sizes = {
      inputs: poseSize,
      outputs: 2 * poseSize + 1,
      condition: featureSize,
      channels,
      skipChannels,
      blocks,
      layers,
    };
    this.#wavenet = this.register('WaveNet', new WaveNet(sizes, { random, dropout, seed }));
  }

  /**
   * The distribution of each frame's pose.
   *
   * @param history float32 `[batch, frames, poseSize]`: at `t` the pose of the frame before; borrowed.
   * @param features float32 `[batch, 2 · frames, featureSize]`: at frame `t` those of frame `t + lookAhead`; borrowed.
   * @returns float32 `[batch, frames, 1 + 2 · poseSize]`: a weight without meaning, means, `-ln` of the deviations. The
   *   caller disposes it.
   * @throws TypeError for shapes that do not fit together.
   */
  forward(history: tf.Tensor3D, features: tf.Tensor3D): tf.Tensor3D {
    this.assertUsable();
    return tf.tidy(() => {
      const pairs = pairFeatures('HeadPoseNetwork.forward', features, this.config.featureSize);
      const [batch, frames] = pairs.shape;
      const { poseSize } = this.config;
      if (history.shape.join() !== [batch, frames, poseSize].join()) {
        const rule = `of shape [${batch}, ${frames}, ${poseSize}]`;
        fail(TypeError, 'HeadPoseNetwork.forward', 'history', rule, history.shape);
      }
      return this.#wavenet.forward(history, this.#condition.forward(pairs));
    });
  }

  /**
   * What features add to the sums of filter and gate in each residual layer, to be sampled frame by frame.
   *
   * @param features float32 `[batch, 2 · frames, featureSize]`, borrowed.
   * @returns float32 `[batch, frames, layers · 2 · channels]`. The caller disposes it.
   */
  conditionSums(features: tf.Tensor3D): tf.Tensor3D {
    this.assertUsable('conditionSums');
    return tf.tidy(() => {
      const pairs = pairFeatures('HeadPoseNetwork.conditionSums', features, this.config.featureSize);
      return tf.concat3d(this.#wavenet.conditionSums(this.#condition.forward(pairs)), 2);
    });
  }

  /**
   * The loss of training, a negative log-likelihood: the mean of `½ ln 2π - n + ½ ((x - μ) eⁿ)²` over the poses whose
   * whole receptive field is known, `n` the network's `-ln σ`, at most `ln(1 / 0.03)`.
   *
   * @param poses float32 `[batch, frames, poseSize]`, more frames than `lookAhead` and the receptive field together;
   *   borrowed.
   * @param features float32 `[batch, 2 · frames, featureSize]` of the same frames; borrowed.
   * @returns float32 scalar. The caller disposes it.
   * @throws TypeError for shapes that do not fit together.
   */
  loss(poses: tf.Tensor3D, features: tf.Tensor3D): tf.Scalar {
    const { poseSize, featureSize, lookAhead } = this.config;
    const [batch, frames = 0] = poses.shape;
    const least = lookAhead + this.receptiveField + 1;
    if (poses.rank !== 3 || poses.shape[2] !== poseSize || frames < least) {
      const rule = `of shape [batch, frames, ${poseSize}] with at least ${least} frames`;
      fail(TypeError, 'HeadPoseNetwork.loss', 'poses', rule, poses.shape);
    }
    if (features.shape.join() !== [batch, 2 * frames, featureSize].join()) {
      const rule = `of shape [${batch}, ${2 * frames}, ${featureSize}]`;
      fail(TypeError, 'HeadPoseNetwork.loss', 'features', rule, features.shape);
    }
    return tf.tidy(() => {
      const known = frames - lookAhead - 1;
      const history = tf.slice3d(poses, [0, 0, 0], [batch, known, poseSize]);
      const heard = tf.slice3d(features, [0, 2 * (1 + lookAhead), 0], [batch, 2 * known, featureSize]);
      const output = this.forward(history, heard);
      const first = this.receptiveField - 1;
      return poseLoss(
        tf.slice3d(output, [0, first, 0], [batch, known - first, 2 * poseSize + 1]),
        tf.slice3d(poses, [0, first + 1, 0], [batch, known - first, poseSize]),
      );
    });
  }
}

const KIND: NetworkKind<HeadPoseConfig, HeadPoseNetwork> = {
  name: 'head pose',
  title: 'of a head pose network',
  identifiedBy: 'WaveNet.start_conv1.weight',
  configOf: (shapes, side) => {
    const count = [...shapes.keys()].filter((name) => name.endsWith('.filter_conv.weight')).length;
    const blocks = HEAD_POSE.blocks; // their number leaves no trace in the shapes, nor does lookAhead
    return {
      featureSize: side('audio_downsample.0.weight', 0),
      poseSize: side('WaveNet.start_conv1.weight', 1),
      channels: side('WaveNet.start_conv1.weight', 0),
      skipChannels: side('WaveNet.end_conv_1.weight', 1),
      blocks,
      layers: count / blocks,
      lookAhead: HEAD_POSE.lookAhead,
    };
  },
  make: (config) => new HeadPoseNetwork(config, { seed: 0 }),
};

/**
 * The head pose network of a weights file: ours, or PyTorch's with the published names.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns in evaluation mode, `weightsHash` set. The caller disposes it.
 * @throws Error where the file belongs to another network, and one with every missing, unused and misshapen name.
 * @example
 * import { loadHeadPoseNetwork } from '@lipsync/portraits';
 * const net = await loadHeadPoseNetwork('Audio2Headpose.pkl');
 */
export function loadHeadPoseNetwork(source: ByteInput): Promise<HeadPoseNetwork> {
  return loadNetwork('loadHeadPoseNetwork', KIND, source);
}

/**
 * A head pose network as the bytes of a safetensors file, with its config; `loadHeadPoseNetwork` reads it.
 *
 * @example
 * import { HEAD_POSE, HeadPoseNetwork, saveHeadPoseNetwork } from '@lipsync/portraits';
 * const bytes = await saveHeadPoseNetwork(new HeadPoseNetwork(HEAD_POSE, { seed: 0 }));
 */
export function saveHeadPoseNetwork(net: HeadPoseNetwork): Promise<Uint8Array> {
  return saveNetwork(KIND, net);
}
