import { Conv2d, Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { type BlockRow, Blocks, narrowed } from './block';
import { assertSize, assertWidth } from './config';
import { HALVINGS } from './encoders';
import { assertImages, lowerHalf, networkImages } from './images';

export type QualityDiscriminatorOptions = {
  /** Share of the published channels. Default 1. */
  width?: number;
  /** Pixels on a side of the face images in the network, a multiple of 32. Default 96. */
  size?: number;
  /** Seed of the first weights, an integer. */
  seed: number;
};

const plain = (kernel: number, channels: number, stride: number | [number, number], padding: number): BlockRow => {
  return { kernel, channels, stride, padding, norm: false, leak: 0.01 };
};

/** Rows by part. @param end side of the last map but one. */
const rowsOf = (end: number): BlockRow[][] => [
  [plain(7, 32, 1, 3)],
  [plain(5, 64, [1, 2], 2), plain(5, 64, 1, 2)],
  [plain(5, 128, 2, 2), plain(5, 128, 1, 2)],
  [plain(5, 256, 2, 2), plain(5, 256, 1, 2)],
  [plain(3, 512, 2, 1), plain(3, 512, 1, 1)],
  [plain(3, 512, 2, 1), plain(3, 512, 1, 1)],
  [plain(end, 512, 1, 0), plain(1, 512, 1, 0)],
];

/**
 * Wav2Lip's visual-quality discriminator: whether the lower half of a face looks real, not whether it fits the audio.
 *
 * Takes whole RGB face images and cuts the lower half itself. Source: Rudrabha/Wav2Lip, `Wav2Lip_disc_qual`, parameter
 * names and shapes alike, 14,113,793 parameters; without its sigmoid, which the losses contain. Largest difference from
 * PyTorch in float64 with the same weights: 3e-6 of the largest score.
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError for a width or size out of range.
 * @example
 * const discriminator = new Wav2LipDiscriminator({ seed: 0 });
 * const scores = discriminator.forward(tf.zeros([2, 96, 96, 3])); // [2, 1]
 */
export class Wav2LipDiscriminator extends Module {
  readonly width: number;
  readonly size: number;
  readonly #parts: Blocks[];
  readonly #last: Conv2d;

  constructor({ width = 1, size = 96, seed }: QualityDiscriminatorOptions) {
    super();
    assertSize('Wav2LipDiscriminator', 'size', size);
    assertWidth('Wav2LipDiscriminator', width);
    [this.width, this.size] = [width, size];
    const random = new Random(seed);
    let channels = 3;
    this.#parts = rowsOf(size / 2 ** HALVINGS).map((rows, part) => {
      const blocks = new Blocks(channels, narrowed(rows, width), random);
      channels = blocks.channels;
      return this.register(`face_encoder_blocks.${part}`, blocks);
    });
    const last = new Conv2d({ inChannels: channels, outChannels: 1, kernelSize: 1, random });
    this.#last = this.register('binary_pred.0', last);
  }

  /**
   * @param faces float32 `[n, height, width, 3]`, RGB 0..1, whole face images; borrowed.
   * @returns float32 `[n, 1]`, raw scores: the probability of a real face is their sigmoid. The caller disposes it.
   * @throws TypeError if the shape does not fit.
   */
  forward(faces: tf.Tensor4D): tf.Tensor2D {
    this.assertUsable();
    assertImages('Wav2LipDiscriminator.forward', 'faces', faces);
    return tf.tidy(() => {
      const half = lowerHalf(networkImages(faces, this.size));
      const map = this.#parts.reduce((x, blocks) => blocks.forward(x), half);
      return tf.reshape(this.#last.forward(map), [-1, 1]) as tf.Tensor2D;
    });
  }
}
