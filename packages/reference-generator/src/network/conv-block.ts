import { BatchNorm2d, Conv2d, Module, type Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

type ConvBlockOptions = {
  inChannels: number;
  outChannels: number;
  kernel: number;
  /** Default 1. */
  stride?: number | [number, number];
  /** Default 0. */
  padding?: number;
  /** The input is added before the ReLU. Default false. */
  residual?: boolean;
  /** Source of the first weights. */
  random: Random;
};

/** Convolution, BatchNorm, input added where residual, ReLU: `conv_block.0` and `conv_block.1`, as in Wav2Lip. */
export class ConvBlock extends Module {
  readonly #conv: Conv2d;
  readonly #norm: BatchNorm2d;
  readonly #residual: boolean;

  constructor({ kernel, residual = false, ...options }: ConvBlockOptions) {
    super();
    this.#conv = this.register('conv_block.0', new Conv2d({ ...options, kernelSize: kernel }));
    this.#norm = this.register('conv_block.1', new BatchNorm2d({ channels: options.outChannels }));
    this.#residual = residual;
  }

  /**
   * @param x float32 `[n, height, width, inChannels]`, borrowed.
   * @returns float32 `[n, height', width', outChannels]`. The caller disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable();
    return tf.tidy(() => {
      const y = this.#norm.forward(this.#conv.forward(x));
      return relu(this.#residual ? tf.add<tf.Tensor4D>(y, x) : y);
    });
  }
}

/** Blocks in sequence, numbered from 0. */
export class ConvBlocks extends Module {
  readonly #blocks: ConvBlock[];

  constructor(blocks: ConvBlock[]) {
    super();
    this.#blocks = blocks.map((block, index) => this.register(String(index), block));
  }

  /** As `ConvBlock.forward`. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => this.#blocks.reduce((y, block) => block.forward(y), x));
  }
}

/** `count` blocks of 3 x 3 that keep channels and size. */
export function keepingBlocks(
  channels: number,
  count: number,
  { residual, random }: { residual: boolean; random: Random },
) {
  const options = { inChannels: channels, outChannels: channels, kernel: 3, padding: 1, residual, random };
  return Array.from({ length: count }, () => new ConvBlock(options));
}
