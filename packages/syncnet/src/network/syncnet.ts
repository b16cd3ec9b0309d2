import { fail, type SyncRecipe } from '@lipsync/contracts';
import { BatchNorm2d, Conv2d, Linear, Module, maxPool2d, Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { FramesConv } from './frames-conv';
import { SyncNetwork } from './sync-network';

/** SyncNet v2's input: 224 px face crops in OpenCV's colour order, 13 MFCC of 16-bit samples. */
export const SYNCNET_RECIPE: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'track box', scale: 0.4, size: 224 },
  color: 'BGR',
  range: [0, 255],
  features: 'SYNCNET_MFCC',
  featureSteps: 20,
  loudness: 'none',
};

export type SyncNetOptions = {
  /** Seed of the first weights, an integer. */
  seed: number;
  /** Share of the published channels, for small trainings and tests; 1 loads the published file. Default 1. */
  width?: number;
  /** Default `SYNCNET_RECIPE`; only the crop may differ, as long as its frames are 224 px. */
  recipe?: SyncRecipe;
};

type Pool = { kernel: number | [number, number]; stride: number | [number, number]; padding?: number };

/**
 * One row of a tower's table; `index` is the convolution's number in PyTorch's `Sequential`, `channels` those of the
 * published network.
 */
type Row = { index: number; kernel: number[]; stride?: number; padding?: number; channels: number; pool?: Pool };

const AUDIO_ROWS: readonly Row[] = [
  { index: 0, kernel: [3, 3], padding: 1, channels: 64 },
  { index: 4, kernel: [3, 3], padding: 1, channels: 192, pool: { kernel: 3, stride: [1, 2] } },
  { index: 8, kernel: [3, 3], padding: 1, channels: 384 },
  { index: 11, kernel: [3, 3], padding: 1, channels: 256 },
  { index: 14, kernel: [3, 3], padding: 1, channels: 256, pool: { kernel: 3, stride: 2 } },
  { index: 18, kernel: [5, 4], channels: 512 },
];

/** Kernels are `[time, height, width]`. */
const VISUAL_ROWS: readonly Row[] = [
  { index: 0, kernel: [5, 7, 7], stride: 2, channels: 96, pool: { kernel: 3, stride: 2 } },
  { index: 4, kernel: [1, 5, 5], stride: 2, padding: 1, channels: 256, pool: { kernel: 3, stride: 2, padding: 1 } },
  { index: 8, kernel: [1, 3, 3], padding: 1, channels: 256 },
  { index: 11, kernel: [1, 3, 3], padding: 1, channels: 256 },
  { index: 14, kernel: [1, 3, 3], padding: 1, channels: 256, pool: { kernel: 3, stride: 2 } },
  { index: 18, kernel: [1, 6, 6], channels: 512 },
];

type Step = { conv: Conv2d | FramesConv; norm: BatchNorm2d; pool?: Pool };

/** Convolution, BatchNorm, ReLU and pool per row, under the numbers that PyTorch's `Sequential` gives them. */
class Column extends Module {
  readonly #steps: Step[] = [];

  constructor(inChannels: number, rows: readonly Row[], scaled: (channels: number) => number, random: Random) {
    super();
    let channels = inChannels;
    for (const { index, kernel, stride = 1, padding = 0, channels: published, pool } of rows) {
      const options = { inChannels: channels, outChannels: scaled(published), stride, padding, random };
      const conv =
        kernel.length === 3
          ? new FramesConv({ ...options, kernelSize: kernel as [number, number, number] })
          : new Conv2d({ ...options, kernelSize: kernel as [number, number] });
      channels = options.outChannels;
      this.register(`${index}`, conv);
      this.#steps.push({ conv, norm: this.register(`${index + 1}`, new BatchNorm2d({ channels })), pool });
    }
  }

  forward(x: tf.Tensor4D): tf.Tensor4D {
    let y = x;
    for (const { conv, norm, pool } of this.#steps) {
      y = relu(norm.forward(conv.forward(y) as tf.Tensor4D)) as tf.Tensor4D;
      if (pool) y = maxPool2d(y, { kernelSize: pool.kernel, stride: pool.stride, padding: pool.padding });
    }
    return y;
  }
}

/** Linear, BatchNorm, ReLU, Linear: the head of either tower. */
class Head extends Module {
  readonly #first: Linear;
  readonly #norm: BatchNorm2d;
  readonly #last: Linear;

  constructor(features: number, embedding: number, random: Random) {
    super();
    this.#first = this.register('0', new Linear({ inFeatures: features, outFeatures: features, random }));
    this.#norm = this.register('1', new BatchNorm2d({ channels: features }));
    this.#last = this.register('3', new Linear({ inFeatures: features, outFeatures: embedding, random }));
  }

  /** `[batch, ..., channels]`, `features` values a sample, to `[batch, embedding]`. */
  forward(x: tf.Tensor): tf.Tensor2D {
    const flat = tf.reshape(x, [x.shape[0], -1]);
    return this.#last.forward(relu(this.#norm.forward(this.#first.forward(flat)))) as tf.Tensor2D;
  }
}

/**
 * SyncNet, the released network (v2): embeds five face frames and 0.2 s of audio as 1024 values each, whose Euclidean
 * distance is small where they are in sync. LSE-D and LSE-C are measured with it.
 *
 * Source: joonson/syncnet_python, `SyncNetModel.S`, parameter names and shapes alike (`netcnnaud`, `netfcaud`,
 * `netcnnlip`, `netfclip`); the paper of 2016 describes another, smaller one. Largest difference from PyTorch 1.13 with
 * the same weights: see the test, below 1e-4 of the largest value. The last layer is linear: embeddings have no fixed
 * length.
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError for a width that is not above 0, or a recipe of other frames or audio.
 * @example
 * const net = new SyncNet({ seed: 0 });
 * const visual = net.encodeVisual(tf.zeros([2, 224, 224, 15])); // [2, 1024]
 */
export class SyncNet extends SyncNetwork {
  readonly name = 'SyncNet';
  readonly space = 'euclidean';
  readonly embeddingSize: number;
  readonly #audio: Column;
  readonly #audioHead: Head;
  readonly #visual: Column;
  readonly #visualHead: Head;

  constructor({ seed, width = 1, recipe = SYNCNET_RECIPE }: SyncNetOptions) {
    super(recipe);
    if (!(width > 0 && Number.isFinite(width))) fail(RangeError, 'SyncNet', 'width', 'above 0', width);
    const { frameCount, crop, features, featureSteps } = this.recipe;
    if (frameCount !== 5 || crop.size !== 224 || 'rows' in crop || features !== 'SYNCNET_MFCC' || featureSteps !== 20) {
      const rule = 'of 5 whole frames of 224 px and 20 steps of SYNCNET_MFCC';
      fail(RangeError, 'SyncNet', 'recipe', rule, { frameCount, crop, features, featureSteps });
    }
    const scaled = (channels: number) => Math.max(1, Math.round(channels * width));
    this.embeddingSize = scaled(1024);
    // One random stream per tower: a tower starts the same whatever the other one is.
    const [audio, visual] = [new Random(seed, 0), new Random(seed, 1)];
    this.#audio = this.register('netcnnaud', new Column(1, AUDIO_ROWS, scaled, audio));
    this.#audioHead = this.register('netfcaud', new Head(scaled(512), this.embeddingSize, audio));
    this.#visual = this.register('netcnnlip', new Column(3, VISUAL_ROWS, scaled, visual));
    this.#visualHead = this.register('netfclip', new Head(scaled(512), this.embeddingSize, visual));
    this.eval();
  }

  protected visualTower(frames: tf.Tensor4D): tf.Tensor2D {
    return this.#visualHead.forward(this.#visual.forward(frames));
  }

  protected audioTower(features: tf.Tensor4D): tf.Tensor2D {
    return this.#audioHead.forward(this.#audio.forward(features));
  }
}
