import { fail, type SyncRecipe } from '@lipsync/contracts';
import { BatchNorm2d, Conv2d, Linear, Module, maxPool2d, Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { FramesConv } from './frames-conv';
import { SyncNetwork } from './sync-network';

/** What SyncNet v2 is fed with: 224 px face crops as OpenCV reads them, 13 MFCC of 16-bit samples. */
export const SYNCNET_RECIPE: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'track box', scale: 0.4, size: 224 },
  color: 'BGR',
  range: [0, 255],
  features: 'SYNCNET_MFCC',
  featureSteps: 20,
};

export type SyncNetOptions = {
  /** Of the first weights. */
  seed: number;
  /** Share of the published numbers of channels, for small trainings and tests; 1 loads the published file. Default 1. */
  width?: number;
  /** Default `SYNCNET_RECIPE`; only the crop may differ, as long as its frames are 224 px. */
  recipe?: SyncRecipe;
};

type Pool = { kernel: number | [number, number]; stride: number | [number, number]; padding?: number };
type Step = { conv: Conv2d | FramesConv; norm: BatchNorm2d; pool?: Pool };

/** A column of convolution, BatchNorm, ReLU and pool under the numbers that PyTorch's `Sequential` gives them. */
class Column extends Module {
  private readonly steps: Step[] = [];

  /** Adds a convolution at `index` with its BatchNorm behind it and, where there is one, the pool after the ReLU. */
  add(index: number, conv: Conv2d | FramesConv, channels: number, pool?: Pool): void {
    const norm = new BatchNorm2d({ channels });
    this.steps.push({ conv: this.register(`${index}`, conv), norm: this.register(`${index + 1}`, norm), pool });
  }

  forward(x: tf.Tensor4D): tf.Tensor4D {
    let y = x;
    for (const { conv, norm, pool } of this.steps) {
      y = relu(norm.forward(conv.forward(y) as tf.Tensor4D)) as tf.Tensor4D;
      if (pool) y = maxPool2d(y, { kernelSize: pool.kernel, stride: pool.stride, padding: pool.padding });
    }
    return y;
  }
}

/** Linear, BatchNorm, ReLU, Linear: the head of either tower. */
class Head extends Module {
  private readonly first: Linear;
  private readonly norm: BatchNorm2d;
  private readonly last: Linear;

  constructor(features: number, embedding: number, random: Random) {
    super();
    this.first = this.register('0', new Linear({ inFeatures: features, outFeatures: features, random }));
    this.norm = this.register('1', new BatchNorm2d({ channels: features }));
    this.last = this.register('3', new Linear({ inFeatures: features, outFeatures: embedding, random }));
  }

  forward(x: tf.Tensor): tf.Tensor2D {
    const flat = tf.reshape(x, [x.shape[0], -1]);
    return this.last.forward(relu(this.norm.forward(this.first.forward(flat)))) as tf.Tensor2D;
  }
}

/**
 * SyncNet, the released network (v2): five face frames and 0.2 s of audio, each to 1024 numbers whose Euclidean distance is small where
 * they are in sync. LSE-D and LSE-C are measured with it.
 *
 * Source: joonson/syncnet_python, `SyncNetModel.S`, parameter names and shapes alike (`netcnnaud`, `netfcaud`, `netcnnlip`, `netfclip`); the
 * paper of 2016 describes another, smaller one. Largest difference from PyTorch 1.13 with the same weights: see the test, below 1e-4 of the
 * largest value. The last layer is linear: embeddings have no fixed length.
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError for a width that is not above 0, or a recipe of other frames or audio.
 * @example
 * const net = new SyncNet({ seed: 0 });
 * net.loadStateDict((await readStateDict('syncnet_v2.model')).state);
 * const v = net.encodeFrames(frames); // [batch, 224, 224, 15] to [batch, 1024]
 */
export class SyncNet extends SyncNetwork {
  readonly name = 'SyncNet';
  readonly space = 'euclidean';
  readonly embeddingSize: number;
  private readonly audio: Column;
  private readonly audioHead: Head;
  private readonly lips: Column;
  private readonly lipsHead: Head;

  constructor({ seed, width = 1, recipe = SYNCNET_RECIPE }: SyncNetOptions) {
    super(recipe);
    if (!(width > 0 && Number.isFinite(width))) fail(RangeError, 'SyncNet', 'width', 'above 0', width);
    const { frameCount, crop, features, featureSteps } = this.recipe;
    if (frameCount !== 5 || crop.size !== 224 || 'rows' in crop || features !== 'SYNCNET_MFCC' || featureSteps !== 20) {
      fail(RangeError, 'SyncNet', 'recipe', 'of 5 whole frames of 224 px and 20 steps of SYNCNET_MFCC', {
        frameCount,
        crop,
        features,
        melSteps: featureSteps,
      });
    }
    const c = (channels: number) => Math.max(1, Math.round(channels * width));
    this.embeddingSize = c(1024);
    const random = new Random(seed, 0);

    this.audio = this.register('netcnnaud', new Column());
    const audio = (
      index: number,
      from: number,
      to: number,
      kernel: number | [number, number],
      padding: number,
      pool?: Pool,
    ) => {
      const conv = new Conv2d({
        inChannels: from === 1 ? 1 : c(from),
        outChannels: c(to),
        kernelSize: kernel,
        padding,
        random,
      });
      this.audio.add(index, conv, c(to), pool);
    };
    audio(0, 1, 64, 3, 1);
    audio(4, 64, 192, 3, 1, { kernel: 3, stride: [1, 2] });
    audio(8, 192, 384, 3, 1);
    audio(11, 384, 256, 3, 1);
    audio(14, 256, 256, 3, 1, { kernel: 3, stride: 2 });
    audio(18, 256, 512, [5, 4], 0);
    this.audioHead = this.register('netfcaud', new Head(c(512), this.embeddingSize, random));

    this.lips = this.register('netcnnlip', new Column());
    const frames = new Random(seed, 1); // a stream of its own: a tower starts the same whatever the other looks like
    const lips = (
      index: number,
      from: number,
      to: number,
      kernel: [number, number, number],
      stride: number,
      padding: number,
      pool?: Pool,
    ) => {
      const inChannels = from === 3 ? 3 : c(from);
      const conv = new FramesConv({
        inChannels,
        outChannels: c(to),
        kernelSize: kernel,
        stride,
        padding,
        random: frames,
      });
      this.lips.add(index, conv, c(to), pool);
    };
    lips(0, 3, 96, [5, 7, 7], 2, 0, { kernel: 3, stride: 2 });
    lips(4, 96, 256, [1, 5, 5], 2, 1, { kernel: 3, stride: 2, padding: 1 });
    lips(8, 256, 256, [1, 3, 3], 1, 1);
    lips(11, 256, 256, [1, 3, 3], 1, 1);
    lips(14, 256, 256, [1, 3, 3], 1, 1, { kernel: 3, stride: 2 });
    lips(18, 256, 512, [1, 6, 6], 1, 0);
    this.lipsHead = this.register('netfclip', new Head(c(512), this.embeddingSize, frames));
    this.eval();
  }

  protected visualTower(frames: tf.Tensor4D): tf.Tensor2D {
    return this.lipsHead.forward(this.lips.forward(frames));
  }

  protected audioTower(features: tf.Tensor4D): tf.Tensor2D {
    return this.audioHead.forward(this.audio.forward(features));
  }
}
