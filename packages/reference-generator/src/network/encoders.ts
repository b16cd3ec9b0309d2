import { Module, type Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { ConvBlock, ConvBlocks, keepingBlocks } from './conv-block';

/** Residual blocks of each stage of a face encoder, from full size on: ten, as in Wav2Lip. */
export const RESIDUAL_BLOCKS: readonly number[] = [0, 2, 3, 2, 2, 1];

/** Channels of each stage from full size on; the last is also the length of the embeddings. */
export const stageChannels = (width: number): number[] => RESIDUAL_BLOCKS.map((_, stage) => width * 2 ** stage);

type EncoderOptions = { width: number; size: number; residual: boolean; random: Random };

/** What a face encoder keeps for the decoder. */
type EncodedFace = {
  /** `[n, 32 width]`, at least 0. */
  embedding: tf.Tensor2D;
  /** From full size on, each half the side of the one before: `[n, side, side, channels]`. */
  maps: tf.Tensor4D[];
};

/**
 * A face to an embedding: six stages, each half the size of the one before, with ten residual blocks among them, and two
 * convolutions to one pixel.
 *
 * Rows of Wav2Lip's face encoder, under its names `I.J.conv_block`, for three channels.
 */
export class FaceEncoder extends Module {
  readonly #stages: ConvBlocks[];

  constructor({ width, size, residual, random }: EncoderOptions) {
    super();
    const channels = stageChannels(width);
    const stages = channels.map((outChannels, stage) => {
      const first =
        stage === 0
          ? { inChannels: 3, kernel: 7, padding: 3 }
          : { inChannels: channels[stage - 1], kernel: 3, padding: 1, stride: 2 };
      const kept = keepingBlocks(outChannels, RESIDUAL_BLOCKS[stage], { residual, random });
      return new ConvBlocks([new ConvBlock({ ...first, outChannels, random }), ...kept]);
    });
    const last = channels[channels.length - 1];
    const whole = new ConvBlock({ inChannels: last, outChannels: last, kernel: size / 32, random });
    const point = new ConvBlock({ inChannels: last, outChannels: last, kernel: 1, random });
    stages.push(new ConvBlocks([whole, point]));
    this.#stages = stages.map((stage, index) => this.register(String(index), stage));
  }

  /**
   * @param x float32 `[n, size, size, 3]`, borrowed.
   * @returns embedding and maps. The caller disposes them.
   */
  forward(x: tf.Tensor4D): EncodedFace {
    this.assertUsable();
    return tf.tidy(() => {
      const maps: tf.Tensor4D[] = [];
      for (const stage of this.#stages) maps.push(stage.forward(maps.at(-1) ?? x));
      const embedding = maps.pop() as tf.Tensor4D;
      return { embedding: tf.reshape(embedding, [x.shape[0], -1]) as tf.Tensor2D, maps };
    });
  }
}

/** Rows of Wav2Lip's audio encoder between the first and the last two: channels by width, stride, residual blocks. */
const AUDIO_STAGES: readonly { factor: number; stride: number | [number, number]; blocks: number }[] = [
  { factor: 4, stride: [3, 1], blocks: 2 },
  { factor: 8, stride: 3, blocks: 2 },
  { factor: 16, stride: [3, 2], blocks: 1 },
];

/** Mel bands and steps of a window of audio. */
export const MEL_BANDS = 80;
export const MEL_STEPS = 16;

/**
 * A window of mel to an embedding, with seven residual blocks. With `coordinates` two channels tell each convolution
 * where it is (Liu et al. 2018, CoordConv): the band and the step, each from -1 to 1.
 *
 * Rows of Wav2Lip's audio encoder, under its names `N.conv_block`.
 */
export class AudioEncoder extends Module {
  readonly #blocks: ConvBlock[];
  readonly #coordinates: boolean;

  constructor({ width, residual, coordinates, random }: Omit<EncoderOptions, 'size'> & { coordinates: boolean }) {
    super();
    this.#coordinates = coordinates;
    let channels = 2 * width;
    const first = { inChannels: coordinates ? 3 : 1, outChannels: channels, kernel: 3, padding: 1, random };
    const blocks = [new ConvBlock(first), ...keepingBlocks(channels, 2, { residual, random })];
    for (const { factor, stride, blocks: count } of AUDIO_STAGES) {
      const outChannels = factor * width;
      blocks.push(new ConvBlock({ inChannels: channels, outChannels, kernel: 3, padding: 1, stride, random }));
      blocks.push(...keepingBlocks(outChannels, count, { residual, random }));
      channels = outChannels;
    }
    blocks.push(new ConvBlock({ inChannels: channels, outChannels: 32 * width, kernel: 3, random }));
    blocks.push(new ConvBlock({ inChannels: 32 * width, outChannels: 32 * width, kernel: 1, random }));
    this.#blocks = blocks.map((block, index) => this.register(String(index), block));
  }

  /**
   * @param mel float32 `[n, 80, 16]`, borrowed.
   * @returns float32 `[n, 32 width]`, at least 0. The caller disposes it.
   */
  forward(mel: tf.Tensor3D): tf.Tensor2D {
    this.assertUsable();
    return tf.tidy(() => {
      const image = tf.expandDims(mel, 3) as tf.Tensor4D;
      const x = this.#coordinates ? withCoordinates(image) : image;
      return tf.reshape(
        this.#blocks.reduce((y, block) => block.forward(y), x),
        [mel.shape[0], -1],
      ) as tf.Tensor2D;
    });
  }
}

/** `[n, height, width, channels]` with two more channels: the row and the column, each from -1 to 1. */
function withCoordinates(x: tf.Tensor4D): tf.Tensor4D {
  const [n, height, width] = x.shape;
  const rows = tf.tile(tf.reshape(tf.linspace(-1, 1, height), [1, height, 1, 1]), [n, 1, width, 1]);
  const columns = tf.tile(tf.reshape(tf.linspace(-1, 1, width), [1, 1, width, 1]), [n, height, 1, 1]);
  return tf.concat<tf.Tensor4D>([x, rows as tf.Tensor4D, columns as tf.Tensor4D], 3);
}
