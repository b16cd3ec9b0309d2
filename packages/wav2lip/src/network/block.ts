import { BatchNorm2d, Conv2d, ConvTranspose2d, leakyRelu, Module, type Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** A row of a network's table: a convolution and what follows it. */
export type BlockRow = {
  kernel: number;
  stride?: number | [number, number];
  padding?: number;
  /** Channels out. */
  channels: number;
  /** The input is added before the activation. */
  residual?: boolean;
  /** Whether the convolution is transposed: it enlarges the map, by its stride where that is above 1. */
  up?: boolean;
  /** Whether BatchNorm follows. Default true. */
  norm?: boolean;
  /** Slope of the activation below 0. Default 0, a ReLU. */
  leak?: number;
};

/** Convolution, BatchNorm, input added where residual, activation: `conv_block.0` and `conv_block.1`. */
export class Block extends Module {
  readonly #conv: Conv2d | ConvTranspose2d;
  readonly #norm?: BatchNorm2d;
  readonly #residual: boolean;
  readonly #leak: number;

  constructor(inChannels: number, row: BlockRow, random: Random) {
    super();
    const { kernel, stride = 1, padding = 0, channels, residual = false, up = false, norm = true, leak = 0 } = row;
    const sizes = { inChannels, outChannels: channels, kernelSize: kernel, padding, random };
    const conv =
      up && typeof stride === 'number'
        ? new ConvTranspose2d({ ...sizes, stride, outputPadding: stride - 1 })
        : new Conv2d({ ...sizes, stride });
    this.#conv = this.register('conv_block.0', conv);
    if (norm) this.#norm = this.register('conv_block.1', new BatchNorm2d({ channels }));
    this.#residual = residual;
    this.#leak = leak;
  }

  /** `[batch, height, width, channels]` each. The caller disposes the result. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    return tf.tidy(() => {
      const y = this.#conv.forward(x);
      const normal = this.#norm ? this.#norm.forward(y) : y;
      const sum = this.#residual ? tf.add<tf.Tensor4D>(normal, x) : normal;
      return this.#leak === 0 ? relu(sum) : leakyRelu(sum, this.#leak);
    });
  }
}

/** `Block`s in sequence, named from 0. */
export class Blocks extends Module {
  /** Channels of the last block. */
  readonly channels: number;
  readonly #blocks: Block[] = [];

  constructor(inChannels: number, rows: readonly BlockRow[], random: Random) {
    super();
    let channels = inChannels;
    rows.forEach((row, index) => {
      this.#blocks.push(this.register(`${index}`, new Block(channels, row, random)));
      channels = row.channels;
    });
    this.channels = channels;
  }

  /** `[batch, height, width, channels]` each. The caller disposes the result. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => this.#blocks.reduce((map, block) => block.forward(map), x));
  }
}

/** Repeats a row. */
export const times = (count: number, row: BlockRow): BlockRow[] => Array.from({ length: count }, () => row);

/** A convolution of 3 x 3 whose input is added to its output. */
export const residual = (channels: number): BlockRow => ({ kernel: 3, padding: 1, channels, residual: true });

/** A convolution of 3 x 3 that makes maps smaller by its stride. */
export const down = (channels: number, stride: number | [number, number] = 2): BlockRow => {
  return { kernel: 3, stride, padding: 1, channels };
};

/** Rows with a share of their channels, at least one each. */
export const narrowed = (rows: readonly BlockRow[], width: number): BlockRow[] =>
  rows.map((row) => ({ ...row, channels: Math.max(1, Math.round(row.channels * width)) }));
