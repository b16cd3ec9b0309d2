import { l2Normalize, Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { Blocks, narrowed } from './block';
import { assertSize, assertWidth } from './config';
import { AUDIO_ENCODER_ROWS, faceEncoderRows, HALVINGS } from './encoders';
import { assertImages, assertMel, networkImages } from './images';
import type { QualityDiscriminatorOptions } from './quality-discriminator';

/** Added under the root, so that the distance of equal embeddings has a gradient. */
const EPSILON = 1e-12;

/**
 * LipGAN's discriminator: how far one face is from its audio, learned together with the generator, on real and
 * generated faces. (Wav2Lip's expert sees five frames and is trained before, on real faces only.)
 *
 * The report describes it by what it sees and its contrastive loss, not by its layers: its two towers are the encoders
 * of the generator here, of 3 channels, and their names ours (`face_encoder_blocks`, `audio_encoder`). The distance is
 * that of embeddings of length 1, so from 0 to √2: they come from a ReLU.
 *
 * Largest difference from PyTorch in float64 with the same weights: 6e-6.
 *
 * A new discriminator is in training mode, in which BatchNorm needs at least two rows. The caller calls `dispose()`.
 *
 * @throws RangeError for a width or size out of range.
 * @example
 * const discriminator = new LipGanDiscriminator({ width: 0.25, seed: 0 }).eval();
 * const distances = discriminator.forward(tf.zeros([2, 96, 96, 3]), tf.zeros([2, 80, 16])); // [2]
 */
export class LipGanDiscriminator extends Module {
  readonly width: number;
  readonly size: number;
  readonly #face: Blocks;
  readonly #audio: Blocks;

  constructor({ width = 1, size = 96, seed }: QualityDiscriminatorOptions) {
    super();
    assertSize('LipGanDiscriminator', 'size', size);
    assertWidth('LipGanDiscriminator', width);
    [this.width, this.size] = [width, size];
    const rows = faceEncoderRows(size / 2 ** HALVINGS).flat();
    const face = new Blocks(3, narrowed(rows, width), new Random(seed, 0));
    const audio = new Blocks(1, narrowed(AUDIO_ENCODER_ROWS, width), new Random(seed, 1));
    this.#face = this.register('face_encoder_blocks', face);
    this.#audio = this.register('audio_encoder', audio);
  }

  /**
   * @param faces float32 `[n, height, width, 3]`, RGB 0..1, whole face images; borrowed.
   * @param audio float32 `[n, 80, 16]`, mel from -4 to 4; borrowed.
   * @returns float32 `[n]`, distances: near 0 in sync, 1 and more out of sync. The caller disposes it.
   * @throws TypeError if the shapes do not fit.
   */
  forward(faces: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor1D {
    const where = 'LipGanDiscriminator.forward';
    this.assertUsable();
    assertImages(where, 'faces', faces);
    assertMel(where, audio, faces.shape[0]);
    return tf.tidy(() => {
      const embedded = (map: tf.Tensor4D) => l2Normalize(tf.reshape(map, [map.shape[0], -1]));
      const seen = embedded(this.#face.forward(networkImages(faces, this.size)));
      const heard = embedded(this.#audio.forward(tf.expandDims(audio, 3)));
      const squares = tf.sum<tf.Tensor1D>(tf.squaredDifference(seen, heard), 1);
      return tf.sqrt(tf.add(squares, EPSILON)) as tf.Tensor1D;
    });
  }
}
