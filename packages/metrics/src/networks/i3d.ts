import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { Conv3d, Module, maxPool3d, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { withBatchCounters } from './conv-unit';
import { ConvUnit3d } from './conv-unit-3d';
import { i3dState } from './i3d-names';

/** Classes of Kinetics-400, which are the features of FVD. */
export const I3D_LOGITS = 400;

/** Fewer frames leave the last pool, which covers two steps of eight frames, with one. */
const LEAST_FRAMES = 9;
/** Smaller images leave the last layers less than one pixel. */
const LEAST_SIDE = 32;

type Layer = (x: tf.Tensor5D) => tf.Tensor5D;

/** Channels of a block: 1x1; 1x1 then 3x3x3; 1x1 then 3x3x3; pool then 1x1. */
type Channels = readonly [b0: number, b1a: number, b1b: number, b2a: number, b2b: number, b3b: number];

/** Three branches of convolutions and one of a pool, side by side in the channels. */
class InceptionBlock extends Module {
  readonly #branches: Layer[];

  constructor(inChannels: number, [b0, b1a, b1b, b2a, b2b, b3b]: Channels) {
    super();
    const unit = (name: string, from: number, to: number, kernelSize: 1 | 3 = 1): Layer => {
      const made = this.register(name, new ConvUnit3d({ inChannels: from, outChannels: to, kernelSize }));
      return (x) => made.forward(x);
    };
    const pairs = [
      [unit('b1a', inChannels, b1a), unit('b1b', b1a, b1b, 3)],
      [unit('b2a', inChannels, b2a), unit('b2b', b2a, b2b, 3)],
      [pool([3, 3, 3], [1, 1, 1]), unit('b3b', inChannels, b3b)],
    ];
    this.#branches = [
      unit('b0', inChannels, b0),
      ...pairs.map(
        ([first, second]): Layer =>
          (x) =>
            second(first(x)),
      ),
    ];
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() =>
      tf.concat(
        this.#branches.map((branch) => tf.tidy(() => branch(x))),
        4,
      ),
    );
  }
}

function pool(kernelSize: [number, number, number], stride: [number, number, number]): Layer {
  return (x) => maxPool3d(x, { kernelSize, stride, padding: 'same' });
}

/**
 * I3D of images, trained on Kinetics-400: the network of the Fréchet video distance, whose features are its 400 logits.
 *
 * Names and shapes are those of the common PyTorch port (`Mixed_3b.b1a.conv3d.weight` …, `logits.conv3d.*`); other
 * ports' names are read, too, see `i3dState`. 12,697,264 parameters. The last pool takes the mean of two steps of time
 * and of all pixels of its map, the logits are averaged over time: for 16 frames of 224 x 224 exactly the published
 * network, whose pool covers 7 x 7 pixels.
 *
 * Source: Carreira and Zisserman 2017 (arXiv:1705.07750). Against a PyTorch network written from the description,
 * random weights: 2e-6 of the largest logit.
 *
 * `forward` throws before `loadStateDict`: an untrained network gives no FVD.
 *
 * @example
 * const network = new I3D();
 * network.loadStateDict(state);
 * const logits = network.forward(clips); // [batch, 16, 224, 224, 3] in -1..1 to [batch, 400]
 */
export class I3D extends Module {
  readonly #layers: Layer[];
  readonly #logits: Conv3d;
  #isLoaded = false;

  constructor() {
    super();
    const unit = (name: string, inChannels: number, outChannels: number, kernelSize: number, stride = 1): Layer => {
      const made = this.register(name, new ConvUnit3d({ inChannels, outChannels, kernelSize, stride }));
      return (x) => made.forward(x);
    };
    const block = (name: string, inChannels: number, channels: Channels): Layer => {
      const made = this.register(name, new InceptionBlock(inChannels, channels));
      return (x) => made.forward(x);
    };
    this.#layers = [
      unit('Conv3d_1a_7x7', 3, 64, 7, 2),
      pool([1, 3, 3], [1, 2, 2]),
      unit('Conv3d_2b_1x1', 64, 64, 1),
      unit('Conv3d_2c_3x3', 64, 192, 3),
      pool([1, 3, 3], [1, 2, 2]),
      block('Mixed_3b', 192, [64, 96, 128, 16, 32, 32]),
      block('Mixed_3c', 256, [128, 128, 192, 32, 96, 64]),
      pool([3, 3, 3], [2, 2, 2]),
      block('Mixed_4b', 480, [192, 96, 208, 16, 48, 64]),
      block('Mixed_4c', 512, [160, 112, 224, 24, 64, 64]),
      block('Mixed_4d', 512, [128, 128, 256, 24, 64, 64]),
      block('Mixed_4e', 512, [112, 144, 288, 32, 64, 64]),
      block('Mixed_4f', 528, [256, 160, 320, 32, 128, 128]),
      pool([2, 2, 2], [2, 2, 2]),
      block('Mixed_5b', 832, [256, 160, 320, 32, 128, 128]),
      block('Mixed_5c', 832, [384, 192, 384, 48, 128, 128]),
    ];
    this.#logits = this.register(
      'logits',
      new Holder(new Conv3d({ inChannels: 1024, outChannels: I3D_LOGITS, kernelSize: 1, random: new Random(0) })),
    ).conv3d;
    this.eval();
  }

  /**
   * Takes over weights by name, of any port that `i3dState` knows; counters that older files lack are 0.
   *
   * @throws Error where names are missing, unused, misshapen, or of no port that is known: it lists them.
   */
  override loadStateDict(state: Map<string, NamedArray>, options: { where?: string } = {}): void {
    super.loadStateDict(withBatchCounters(i3dState(state)), { where: options.where ?? 'I3D.loadStateDict' });
    this.#isLoaded = true;
  }

  /**
   * Logits of clips, averaged over time.
   *
   * @param x float32 `[batch, frames, height, width, 3]`, RGB; 16 frames of 224 x 224 in -1..1 for FVD; at least 9 of
   * 32 x 32.
   * @returns float32 `[batch, 400]`. The caller disposes it.
   * @throws TypeError for another shape, Error before weights are loaded.
   */
  forward(x: tf.Tensor5D): tf.Tensor2D {
    this.assertUsable();
    if (!this.#isLoaded)
      fail(Error, 'I3D.forward', 'this network', 'one with weights (call loadStateDict first)', 'one without');
    const [, frameCount, height, width, colours] = x.shape;
    if (x.rank !== 5 || colours !== 3 || frameCount < LEAST_FRAMES || Math.min(height, width) < LEAST_SIDE) {
      const rule = `of shape [batch, frames, height, width, 3], at least ${LEAST_FRAMES} frames of ${LEAST_SIDE} x ${LEAST_SIDE}`;
      fail(TypeError, 'I3D.forward', 'x', rule, x.shape);
    }
    return tf.tidy(() => {
      let value = x;
      for (const layer of this.#layers) {
        const next = layer(value);
        if (value !== x) value.dispose(); // not left to tidy: 300 MB per clip in all layers together
        value = next;
      }
      const [batch, steps, , , channels] = value.shape;
      const ofPixels = tf.mean<tf.Tensor3D>(value, [2, 3]);
      const early = tf.slice(ofPixels, [0, 0, 0], [batch, steps - 1, channels]);
      const late = tf.slice(ofPixels, [0, 1, 0], [batch, steps - 1, channels]);
      // The logits are linear, so their mean over time is that of the mean.
      const overTime = tf.mean<tf.Tensor2D>(tf.mul(tf.add(early, late), 0.5), 1);
      const logits = this.#logits.forward(tf.reshape(overTime, [batch, 1, 1, 1, channels]));
      return tf.reshape(logits, [batch, I3D_LOGITS]) as tf.Tensor2D;
    });
  }
}

/** Gives the last convolution its published name, `logits.conv3d`. */
class Holder extends Module {
  readonly conv3d: Conv3d;

  constructor(conv3d: Conv3d) {
    super();
    this.conv3d = this.register('conv3d', conv3d);
  }
}
