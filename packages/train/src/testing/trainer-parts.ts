import { readFileSync } from 'node:fs';
import { Conv2d, Module, Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { made } from '../../../dinet/src/testing/loss-parts';
import type { DinetStepReport } from '../generator/dinet-trainer';
import type { MouthInput } from '../generator/generator-terms';
import type { GeneratorTrainBatch } from '../generator/train-batch';

export { LinearExpert as Expert } from '../../../avalignnet/src/testing/linear-expert';
export { made, tensors, useWasm } from '../../../dinet/src/testing/loss-parts';

/** Gives a module the weights that reference/dinet-losses.py gives its own. */
export async function fill<M extends Module>(net: M, prefix = ''): Promise<M> {
  const shapes = [...(await net.stateDict())].map(([name, { shape }]) => [prefix + name, shape] as const);
  net.loadStateDict(new Map([...formulaStateDict(shapes)].map(([name, array]) => [name.slice(prefix.length), array])));
  return net;
}

type LossStage = {
  name: string;
  number: number;
  rows: number;
  frameCount: number;
  space: 'unit' | 'joint' | null;
  vgg: boolean;
  /** Of two steps. */
  reports: Partial<DinetStepReport>[];
  /** Of the first. */
  gradients: Record<string, { shape: number[]; data: number[] }>;
};

/** What reference/dinet-losses.py measured. */
export const lossCases = JSON.parse(
  readFileSync(new URL('../../../dinet/fixtures/losses.json', import.meta.url), 'utf8'),
) as {
  side: number;
  learningRate: number;
  stages: LossStage[];
};

export const SIDE = 16;

/** `sigmoid(conv(relu(conv([masked, references, audio]))))`, the audio's mean over its steps laid over the frame. */
export class Generator extends Module {
  readonly #first: Conv2d;
  readonly #last: Conv2d;
  constructor({ references = 2, bins = 3, width = 4, seed = 0 } = {}) {
    super();
    const random = new Random(seed, 7);
    this.#first = this.register(
      'first',
      new Conv2d({ inChannels: 3 + 3 * references + bins, outChannels: width, kernelSize: 3, padding: 1, random }),
    );
    this.#last = this.register(
      'last',
      new Conv2d({ inChannels: width, outChannels: 3, kernelSize: 3, padding: 1, random }),
    );
  }
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D {
    this.assertUsable();
    return tf.tidy(() => {
      const [count, height, width] = masked.shape;
      const spread = tf.tile(tf.reshape(tf.mean(audio, 2), [count, 1, 1, -1]), [1, height, width, 1]);
      const all = tf.concat([masked, references, spread as tf.Tensor4D], 3);
      return tf.sigmoid(this.#last.forward(relu(this.#first.forward(all))));
    });
  }
}

/** Convolution, leaky ReLU, mean of 2 x 2, convolution to a map. */
export class Discriminator extends Module {
  readonly frameCount: number;
  readonly #first: Conv2d;
  readonly #last: Conv2d;
  constructor(frameCount: number, seed = 1) {
    super();
    this.frameCount = frameCount;
    const random = new Random(seed, frameCount);
    this.#first = this.register(
      'first',
      new Conv2d({ inChannels: 3 * frameCount, outChannels: 4, kernelSize: 4, random }),
    );
    this.#last = this.register('last', new Conv2d({ inChannels: 4, outChannels: 1, kernelSize: 1, random }));
  }
  forward(frames: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    return tf.tidy(() => this.#last.forward(tf.avgPool(tf.leakyRelu(this.#first.forward(frames), 0.2), 2, 2, 'valid')));
  }
}

const BINS = 80;

/** The middle 8 x 8 pixels of rows of 5 frames, one after the other on the channels. The angles are not looked at. */
export const middle: MouthInput = (generated) =>
  tf.tidy(() => {
    const rows = tf.reshape(tf.slice(generated, [0, 4, 4, 0], [-1, 8, 8, 3]), [-1, 5, 8, 8, 3]);
    return tf.reshape(tf.transpose(rows, [0, 2, 3, 1, 4]), [-1, 8, 8, 15]) as tf.Tensor4D;
  });

/** Rows of frames by formula. The caller disposes it. */
export function madeBatch(rows: number, frameCount: number, name = 'batch', side = SIDE): GeneratorTrainBatch {
  const count = rows * frameCount;
  const of = (what: string, shape: number[]) => made(`${name} ${what}`, shape);
  return {
    real: of('real', [count, side, side, 3]) as tf.Tensor4D,
    masked: of('masked', [count, side, side, 3]) as tf.Tensor4D,
    references: of('references', [count, side, side, 6]) as tf.Tensor4D,
    audio: of('audio', [count, 3, 5]) as tf.Tensor3D,
    angles: tf.zeros([count]) as tf.Tensor1D,
    syncAudio: of('sync audio', [rows, BINS, 16, 1]) as tf.Tensor4D,
    frameCount,
  };
}

export function disposeMade({ real, masked, references, audio, angles, syncAudio }: GeneratorTrainBatch): void {
  tf.dispose([real, masked, references, audio, ...(angles ? [angles] : []), ...(syncAudio ? [syncAudio] : [])]);
}
