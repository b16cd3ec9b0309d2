import { BatchNorm2d, Conv2d, Module, type Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** One row of a tower's table: a convolution and what follows it. */
export type ConvRow = {
  kernel: number | [number, number];
  stride?: number | [number, number];
  padding?: number;
  /** Channels out. */
  channels: number;
  /** The input is added before the activation. */
  residual?: boolean;
  /** Slope below 0 of a leaky ReLU; 0 is a ReLU. Default 0. */
  leak?: number;
};

/** Convolution, BatchNorm, input added where residual, ReLU: `conv_block.0` and `conv_block.1`. */
export class ConvBlock extends Module {
  readonly #conv: Conv2d;
  readonly #norm: BatchNorm2d;
  readonly #residual: boolean;
  readonly #leak: number;

  constructor(
    inChannels: number,
    { kernel, stride = 1, padding = 0, channels, residual = false, leak = 0 }: ConvRow,
    random: Random,
  ) {
    super();
    const conv = new Conv2d({ inChannels, outChannels: channels, kernelSize: kernel, stride, padding, random });
    this.#conv = this.register('conv_block.0', conv);
    this.#norm = this.register('conv_block.1', new BatchNorm2d({ channels }));
    this.#residual = residual;
    this.#leak = leak;
  }

  /**
   * @param x float32 `[batch, height, width, inChannels]`, borrowed.
   * @returns float32 `[batch, height', width', channels]`. The caller disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    return tf.tidy(() => {
      const y = this.#norm.forward(this.#conv.forward(x));
      const sum = this.#residual ? tf.add<tf.Tensor4D>(y, x) : y;
      return this.#leak === 0 ? (relu(sum) as tf.Tensor4D) : tf.leakyRelu(sum, this.#leak);
    });
  }
}

/** `ConvBlock`s in sequence, named from 0. */
export class ConvTower extends Module {
  readonly #blocks: ConvBlock[] = [];

  constructor(inChannels: number, rows: readonly ConvRow[], random: Random) {
    super();
    let channels = inChannels;
    rows.forEach((row, index) => {
      this.#blocks.push(this.register(`${index}`, new ConvBlock(channels, row, random)));
      channels = row.channels;
    });
  }

  /**
   * @param x float32 `[batch, height, width, inChannels]` of the size whose last map is one pixel, borrowed.
   * @returns float32 `[batch, channels of the last row]`. The caller disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor2D {
    return tf.tidy(() => {
      const y = this.#blocks.reduce((map, block) => block.forward(map), x);
      return tf.reshape(y, [y.shape[0], -1]) as tf.Tensor2D;
    });
  }
}

/** Height and width of the map after rows of convolutions. */
export function mapAfter(height: number, width: number, rows: readonly ConvRow[]): [number, number] {
  const pair = (value: number | [number, number]) => (typeof value === 'number' ? [value, value] : value);
  return rows.reduce<[number, number]>(
    (sides, { kernel, stride = 1, padding = 0 }) =>
      sides.map((side, axis) => Math.floor((side + 2 * padding - pair(kernel)[axis]) / pair(stride)[axis]) + 1) as [
        number,
        number,
      ],
    [height, width],
  );
}
