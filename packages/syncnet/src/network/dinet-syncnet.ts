import { fail, type SyncRecipe } from '@lipsync/contracts';
import type { EmbeddingBatch } from '@lipsync/contracts/tensors';
import { Conv1d, Conv2d, Module, Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { SyncNetwork } from './sync-network';

/** What DINet's sync network is fed with, for a mouth of 256, 128 or 64 px: RGB from 0 to 1, logits of a speech recogniser. */
export function dinetRecipe(size = 256): SyncRecipe {
  return {
    frameCount: 5,
    fps: 25,
    crop: { kind: 'dinet', size, upright: 'none', sampling: 'exact' },
    color: 'RGB',
    range: [0, 1],
    features: 'ASR_LOGITS',
    featureSteps: 9,
  };
}

export type DinetSyncNetOptions = {
  /** Of the first weights. */
  seed: number;
  /** Default `dinetRecipe()`. The crop's size must be a multiple of 32. */
  recipe?: SyncRecipe;
  /** Channels of the deeper layers; 128 loads the published file. Default 128. */
  channels?: number;
  /** How a map of scores becomes one: the thesis speaks of both. Default `mean`. */
  pool?: 'mean' | 'max';
};

type Conv = Conv1d | Conv2d;

/** One convolution under the name `conv`, then ReLU. */
class Same extends Module {
  private readonly conv: Conv;
  constructor(conv: Conv) {
    super();
    this.conv = this.register('conv', conv);
  }
  forward(x: tf.Tensor): tf.Tensor {
    return relu(this.conv.forward(x));
  }
}

/** ReLU, convolution, ReLU, convolution, and the input added; `conv1`, `conv2`. */
class Residual extends Module {
  private readonly conv1: Conv;
  private readonly conv2: Conv;
  constructor(make: () => Conv) {
    super();
    this.conv1 = this.register('conv1', make());
    this.conv2 = this.register('conv2', make());
  }
  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(this.conv2.forward(relu(this.conv1.forward(relu(x)))), x);
  }
}

/** A `Same`, then the mean of 2 x 2 pixels. */
class Halved extends Same {
  override forward(x: tf.Tensor): tf.Tensor {
    return tf.avgPool(super.forward(x) as tf.Tensor4D, 2, 2, 'valid');
  }
}

/** Parts numbered from 0 under one name. */
class Sequence extends Module {
  private readonly parts: (Module & { forward(x: tf.Tensor): tf.Tensor })[];
  constructor(name: string, parts: (Module & { forward(x: tf.Tensor): tf.Tensor })[]) {
    super();
    this.parts = parts.map((part, index) => this.register(`${name}.${index}`, part));
  }
  forward(x: tf.Tensor): tf.Tensor {
    return this.parts.reduce((y, part) => part.forward(y), x);
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

/**
 * DINet's sync network: it does not place frames and audio in one space but judges them together, by a map of scores over the mouth.
 *
 * `encodeFrames` gives the map of the frames, flattened (`size / 32` pixels on a side, 128 channels); `encodeAudio` 128 numbers; `scoreMap`
 * lays the audio over the map and scores each of its places: 1 where in sync. There are no norms.
 *
 * Source: MRzzm/DINet, `SyncNet`, parameter names and shapes alike; 3,277,121 parameters. Largest difference from PyTorch 1.13 with the same
 * weights below 1e-4 of the largest value, see the test. Its training was never published.
 *
 * The caller calls `dispose()` when done.
 *
 * @example
 * const net = new DinetSyncNet({ seed: 0 });
 * net.loadStateDict((await readStateDict('syncnet_256mouth.pth')).state);
 */
export class DinetSyncNet extends SyncNetwork {
  readonly name = 'DINet';
  readonly space = 'joint';
  readonly embeddingSize: number;
  readonly audioEmbeddingSize: number;
  private readonly side: number;
  private readonly pool: 'mean' | 'max';
  private readonly face: Sequence;
  private readonly audio: Sequence;
  private readonly merge: Merge;

  constructor({ seed, recipe = dinetRecipe(), channels = 128, pool = 'mean' }: DinetSyncNetOptions) {
    super(recipe);
    const { crop, frameCount, features, featureSteps } = this.recipe;
    if (crop.kind !== 'dinet' || crop.size % 32 !== 0 || features !== 'ASR_LOGITS' || featureSteps < frameCount) {
      const rule = 'of dinet crops with a size that 32 divides, and at least as many steps of ASR_LOGITS as frames';
      fail(RangeError, 'DinetSyncNet', 'recipe', rule, { crop, frameCount, features, melSteps: featureSteps });
    }
    this.side = crop.size / 32;
    this.pool = pool;
    this.embeddingSize = this.side ** 2 * channels;
    this.audioEmbeddingSize = channels;
    const random = new Random(seed, 1);
    const wide = Math.max(1, channels >> 1); // 64 of 128
    const conv = (inChannels: number, outChannels: number, kernelSize = 3) =>
      new Conv2d({ inChannels, outChannels, kernelSize, padding: kernelSize >> 1, random });
    const residual = (width: number) => new Residual(() => conv(width, width));
    const stage = () => [residual(channels), new Halved(conv(channels, channels)), new Same(conv(channels, channels))];
    const face = new Sequence('face_conv', [
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
    ]);
    const sound = new Random(seed, 0);
    const line = (inChannels: number, kernelSize: number, stride = 1) =>
      new Conv1d({ inChannels, outChannels: channels, kernelSize, stride, padding: kernelSize >> 1, random: sound });
    const halve = () => [new Residual(() => line(channels, 3)), new Same(line(channels, 3, 2))];
    const audio = new Sequence('audio_conv', [
      new Same(line(29, 7)),
      ...halve(),
      ...halve(),
      ...halve(),
      new Same(line(channels, 3)),
    ]);
    this.face = this.register('face_encoder', face);
    this.audio = this.register('audio_encoder', audio);
    this.merge = this.register('merge_encoder', new Merge(channels, random));
    this.eval();
  }

  protected visualTower(frames: tf.Tensor4D): tf.Tensor2D {
    return tf.reshape(this.face.forward(frames), [frames.shape[0], this.embeddingSize]) as tf.Tensor2D;
  }

  protected audioTower(features: tf.Tensor4D): tf.Tensor2D {
    const steps = tf.transpose(tf.squeeze(features, [3]), [0, 2, 1]); // [batch, steps, 29]
    return tf.mean(this.audio.forward(steps), 1) as tf.Tensor2D;
  }

  /**
   * The score of each place of the mouth: raw, 1 where it was trained to be in sync.
   *
   * @param frames `[batch, embeddingSize]` of `encodeFrames`, borrowed.
   * @param audio `[batch, audioEmbeddingSize]` of `encodeAudio`, borrowed.
   * @returns float32 `[batch, size / 32, size / 32, 1]`. The caller disposes it.
   */
  scoreMap(frames: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor4D {
    this.assertUsable('scoreMap');
    const { side, audioEmbeddingSize: channels, embeddingSize } = this;
    if (frames.shape[1] !== embeddingSize || audio.shape[1] !== channels || frames.shape[0] !== audio.shape[0]) {
      fail(TypeError, 'DinetSyncNet.scoreMap', 'embeddings', `[batch, ${embeddingSize}] and [batch, ${channels}]`, [
        frames.shape,
        audio.shape,
      ]);
    }
    return tf.tidy(() => {
      const batch = frames.shape[0];
      const map = tf.reshape(frames, [batch, side, side, channels]);
      const tiled = tf.tile(tf.reshape(audio, [batch, 1, 1, channels]), [1, side, side, 1]);
      const merged = tf.leakyRelu(this.merge.first.forward(tf.concat([map, tiled], 3)), 0.2);
      return this.merge.last.forward(merged);
    });
  }

  /**
   * One minus the map's mean, or its maximum: 0 where in sync.
   *
   * @returns float32 `[batch]`. The caller disposes it.
   */
  pairDistances(frames: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor1D {
    return tf.tidy(() => {
      const map = this.scoreMap(frames, audio);
      const score = this.pool === 'mean' ? tf.mean(map, [1, 2, 3]) : tf.max(map, [1, 2, 3]);
      return tf.sub(1, score) as tf.Tensor1D;
    });
  }
}
