import { fail, type SyncRecipe } from '@lipsync/contracts';
import type { EmbeddingBatch } from '@lipsync/contracts/tensors';
import { Conv1d, Conv2d, Module, Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { SyncNetwork } from './sync-network';

/**
 * Input of DINet's sync network: its mouth box, RGB from 0 to 1, and logits of a speech recogniser.
 *
 * @param size side of the mouth box in pixels; published for 256, 128 and 64.
 * @example
 * const net = new DinetSyncNet({ seed: 0, recipe: dinetRecipe(64) });
 */
export function dinetRecipe(size = 256): SyncRecipe {
  return {
    frameCount: 5,
    fps: 25,
    crop: { kind: 'dinet', size, upright: 'none', sampling: 'exact' },
    color: 'RGB',
    range: [0, 1],
    features: 'ASR_LOGITS',
    featureSteps: 9,
    loudness: 'none',
  };
}

export type DinetSyncNetOptions = {
  /** Seed of the first weights, an integer. */
  seed: number;
  /** Default `dinetRecipe()`. The crop's size must be a multiple of 32. */
  recipe?: SyncRecipe;
  /** Channels of the deeper layers; 128 loads the published file. Default 128. */
  channels?: number;
  /** How a map of scores becomes one score: the thesis mentions both. Default `mean`. */
  pool?: 'mean' | 'max';
};

type Conv = Conv1d | Conv2d;

/** One convolution under the name `conv`, then ReLU. */
class Same extends Module {
  readonly #conv: Conv;
  constructor(conv: Conv) {
    super();
    this.#conv = this.register('conv', conv);
  }
  /** Frames `[batch, height, width, channels]` or audio `[batch, steps, channels]`; the result likewise. */
  forward(x: tf.Tensor): tf.Tensor {
    return relu(this.#conv.forward(x));
  }
}

/** ReLU, convolution, ReLU, convolution, and the input added; `conv1`, `conv2`. */
class Residual extends Module {
  readonly #conv1: Conv;
  readonly #conv2: Conv;
  constructor(make: () => Conv) {
    super();
    this.#conv1 = this.register('conv1', make());
    this.#conv2 = this.register('conv2', make());
  }
  /** As `Same`; the result is like `x`. */
  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(this.#conv2.forward(relu(this.#conv1.forward(relu(x)))), x);
  }
}

/** `Same`, then average pooling of 2 x 2 pixels. */
class Halved extends Same {
  /** `[batch, height, width, channels]` each. */
  override forward(x: tf.Tensor): tf.Tensor4D {
    return tf.avgPool(super.forward(x) as tf.Tensor4D, 2, 2, 'valid');
  }
}

/** A module from `[batch, height, width, channels]` or `[batch, steps, channels]` to the same axes. */
type Part = Module & { forward(x: tf.Tensor): tf.Tensor };

/** Parts in sequence, numbered from 0 under one name. */
class Sequence extends Module {
  readonly #parts: Part[];
  constructor(name: string, parts: Part[]) {
    super();
    this.#parts = parts.map((part, index) => this.register(`${name}.${index}`, part));
  }
  /** As a `Part`. */
  forward(x: tf.Tensor): tf.Tensor {
    return this.#parts.reduce((y, part) => part.forward(y), x);
  }
}

class Merge extends Module {
  readonly first: Conv2d;
  readonly last: Conv2d;
  constructor(channels: number, random: Random) {
    super();
    this.first = this.register(
      '0',
      new Conv2d({ inChannels: 2 * channels, outChannels: channels, kernelSize: 3, padding: 1, random }),
    );
    this.last = this.register(
      '2',
      new Conv2d({ inChannels: channels, outChannels: 1, kernelSize: 3, padding: 1, random }),
    );
  }
}

/** The visual tower: frames `[batch, size, size, frameCount * 3]` to a map of `size / 32` pixels on a side. */
function faceParts(frameCount: number, channels: number, random: Random): Part[] {
  const wide = Math.max(1, channels >> 1); // 64 of 128
  const conv = (inChannels: number, outChannels: number, kernelSize = 3) =>
    new Conv2d({ inChannels, outChannels, kernelSize, padding: kernelSize >> 1, random });
  const residual = (width: number) => new Residual(() => conv(width, width));
  const stage = () => [residual(channels), new Halved(conv(channels, channels)), new Same(conv(channels, channels))];
  return [
    new Same(conv(frameCount * 3, wide, 7)),
    residual(wide),
    new Halved(conv(wide, wide)),
    new Same(conv(wide, channels)),
    ...stage(),
    ...stage(),
    ...stage(),
    residual(channels),
    new Halved(conv(channels, channels)),
    new Same(conv(channels, channels, 1)),
  ];
}

/** The audio tower: logits `[batch, steps, 29]` to `[batch, steps / 8, channels]`, rounded up. */
function audioParts(channels: number, random: Random): Part[] {
  const conv = (inChannels: number, kernelSize: number, stride = 1) =>
    new Conv1d({ inChannels, outChannels: channels, kernelSize, stride, padding: kernelSize >> 1, random });
  const halve = () => [new Residual(() => conv(channels, 3)), new Same(conv(channels, 3, 2))];
  return [new Same(conv(29, 7)), ...halve(), ...halve(), ...halve(), new Same(conv(channels, 3))];
}

/**
 * DINet's sync network: it has no joint embedding space but scores a pair of frames and audio, by a map of scores over
 * the mouth.
 *
 * `encodeVisual` gives the feature map of the frames, flattened (`size / 32` pixels on a side, 128 channels);
 * `encodeAudio` 128 values; `scoreMap` tiles the audio over the map and scores each place: 1 where in sync. The network
 * has no normalisation layers.
 *
 * Source: MRzzm/DINet, `SyncNet`, parameter names and shapes alike; 3,277,121 parameters. Largest difference from
 * PyTorch 1.13 with the same weights below 1e-4 of the largest value, see the test. Its training was never published.
 *
 * The caller calls `dispose()` when done.
 *
 * @example
 * const net = new DinetSyncNet({ seed: 0 });
 * const visual = net.encodeVisual(tf.zeros([1, 256, 256, 15])); // [1, 8192]
 * const audio = net.encodeAudio(tf.zeros([1, 29, 9, 1])); // [1, 128]
 * const scores = net.scoreMap(visual, audio); // [1, 8, 8, 1]
 */
export class DinetSyncNet extends SyncNetwork {
  readonly name = 'DINet';
  readonly space = 'joint';
  readonly embeddingSize: number;
  readonly audioEmbeddingSize: number;
  readonly #side: number;
  readonly #pool: 'mean' | 'max';
  readonly #face: Sequence;
  readonly #audio: Sequence;
  readonly #merge: Merge;

  constructor({ seed, recipe = dinetRecipe(), channels = 128, pool = 'mean' }: DinetSyncNetOptions) {
    super(recipe);
    const { crop, frameCount, features, featureSteps } = this.recipe;
    if (crop.kind !== 'dinet' || crop.size % 32 !== 0 || features !== 'ASR_LOGITS' || featureSteps < frameCount) {
      const rule = 'of dinet crops with a size that 32 divides, and at least as many steps of ASR_LOGITS as frames';
      fail(RangeError, 'DinetSyncNet', 'recipe', rule, { crop, frameCount, features, featureSteps });
    }
    this.#side = crop.size / 32;
    this.#pool = pool;
    this.embeddingSize = this.#side ** 2 * channels;
    this.audioEmbeddingSize = channels;
    const random = new Random(seed, 1);
    const face = faceParts(frameCount, channels, random);
    const audio = audioParts(channels, new Random(seed, 0));
    this.#face = this.register('face_encoder', new Sequence('face_conv', face));
    this.#audio = this.register('audio_encoder', new Sequence('audio_conv', audio));
    this.#merge = this.register('merge_encoder', new Merge(channels, random));
    this.eval();
  }

  protected visualTower(frames: tf.Tensor4D): tf.Tensor2D {
    return tf.reshape(this.#face.forward(frames), [frames.shape[0], this.embeddingSize]) as tf.Tensor2D;
  }

  protected audioTower(features: tf.Tensor4D): tf.Tensor2D {
    const steps = tf.transpose(tf.squeeze(features, [3]), [0, 2, 1]); // [batch, steps, 29]
    return tf.mean(this.#audio.forward(steps), 1) as tf.Tensor2D;
  }

  /**
   * Scores of the places of the mouth: raw, 1 is the target of pairs in sync.
   *
   * @param visual `[batch, embeddingSize]` of `encodeVisual`, borrowed.
   * @param audio `[batch, audioEmbeddingSize]` of `encodeAudio`, borrowed.
   * @returns float32 `[batch, size / 32, size / 32, 1]`. The caller disposes it.
   * @throws TypeError for other shapes.
   */
  scoreMap(visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor4D {
    this.assertUsable('scoreMap');
    const { audioEmbeddingSize: channels, embeddingSize } = this;
    const side = this.#side;
    if (visual.shape[1] !== embeddingSize || audio.shape[1] !== channels || visual.shape[0] !== audio.shape[0]) {
      fail(TypeError, 'DinetSyncNet.scoreMap', 'embeddings', `[batch, ${embeddingSize}] and [batch, ${channels}]`, [
        visual.shape,
        audio.shape,
      ]);
    }
    return tf.tidy(() => {
      const batch = visual.shape[0];
      const map = tf.reshape(visual, [batch, side, side, channels]);
      const tiled = tf.tile(tf.reshape(audio, [batch, 1, 1, channels]), [1, side, side, 1]);
      const merged = tf.leakyRelu(this.#merge.first.forward(tf.concat([map, tiled], 3)), 0.2);
      return this.#merge.last.forward(merged);
    });
  }

  /**
   * One minus the map's mean, or its maximum: 0 where in sync.
   *
   * @param visual `[batch, embeddingSize]` of `encodeVisual`, borrowed.
   * @param audio `[batch, audioEmbeddingSize]` of `encodeAudio`, borrowed.
   * @returns float32 `[batch]`. The caller disposes it.
   */
  pairDistances(visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor1D {
    return tf.tidy(() => {
      const map = this.scoreMap(visual, audio);
      const score = this.#pool === 'mean' ? tf.mean(map, [1, 2, 3]) : tf.max(map, [1, 2, 3]);
      return tf.sub(1, score) as tf.Tensor1D;
    });
  }
}
