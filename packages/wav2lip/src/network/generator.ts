import { fail, type GeneratorRecipe, type StoredCrop } from '@lipsync/contracts';
import type { FaceGenerator } from '@lipsync/contracts/tensors';
import { Conv2d, Network, Random, stretchImages } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { Block, Blocks, narrowed } from './block';
import { assertWav2LipConfig, type Wav2LipConfig } from './config';
import { AUDIO_ENCODER_ROWS, faceDecoderRows, faceEncoderRows, HALVINGS } from './encoders';
import { assertImages, assertMel, networkImages, swapColours } from './images';

/** What `encodeReferences` keeps: the images themselves, since the first layer sees them beside the frame. */
export type Wav2LipReferences = {
  /** RGB, 0..1, `[1 or n, height, width, 3]`. */
  readonly images: tf.Tensor4D;
};

/**
 * Wav2Lip's generator: fills the lower half of a face from one reference frame of the same face and 0.2 s of mel
 * spectrogram. An encoder of the two images and one of the audio meet in a pixel of 512 channels; the decoder enlarges
 * it again, joined by the encoder's map at each size.
 *
 * Takes and gives RGB and turns it to BGR, which the published weights want. Images of another size than `config.size`
 * are stretched to it and back. LipGAN's generator, too: the report describes the same inputs and the same seven blocks;
 * what differs is who teaches it.
 *
 * Source: Rudrabha/Wav2Lip, `Wav2Lip`, parameter names and shapes alike: 36,298,035 parameters with `WAV2LIP`. Largest
 * difference of images from PyTorch in float64 with the same weights: 2.5e-6 in use, 1.3e-5 in training mode.
 *
 * A new generator is in training mode, in which BatchNorm needs at least two images; call `eval()` before inference.
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError or TypeError for a config that is not complete.
 * @example
 * const net = new Wav2LipGenerator(LITE_WAV2LIP, { seed: 0 }).eval();
 * const face = tf.zeros<tf.Rank.R4>([1, 96, 96, 3]);
 * const faces = net.forward(face, face, tf.zeros([1, 80, 16])); // [1, 96, 96, 3]
 */
export class Wav2LipGenerator extends Network implements FaceGenerator {
  readonly name = 'Wav2Lip';
  readonly config: Wav2LipConfig;
  readonly recipe: GeneratorRecipe;
  /** The face images that it was trained with, where its file says so; set by the loader. */
  crop?: StoredCrop;
  readonly #face: Blocks[];
  readonly #audio: Blocks;
  readonly #decoder: Blocks[];
  readonly #beforeLast: Block;
  readonly #last: Conv2d;

  constructor(config: Wav2LipConfig, { seed }: { /** Seed of the first weights, an integer. */ seed: number }) {
    super();
    this.config = structuredClone(assertWav2LipConfig('Wav2LipGenerator', config));
    const { width, size, audioWindow } = this.config;
    this.recipe = {
      crops: ['face box', 'dinet head'],
      ...{ hidden: 'lower half', laid: 'hidden part', references: 1, dubbedWith: 'same frame' },
      audio: { kind: 'mel', bins: 80, steps: 16, firstFrame: audioWindow === 'as trained' ? -1 : 0 },
    };
    const end = size / 2 ** HALVINGS;
    let channels = 6;
    const encoder = new Random(seed, 0);
    this.#face = faceEncoderRows(end).map((rows, part) => {
      const blocks = new Blocks(channels, narrowed(rows, width), encoder);
      channels = blocks.channels;
      return this.register(`face_encoder_blocks.${part}`, blocks);
    });
    const audio = new Blocks(1, narrowed(AUDIO_ENCODER_ROWS, width), new Random(seed, 1));
    this.#audio = this.register('audio_encoder', audio);
    const decoder = new Random(seed, 2);
    const skipped = this.#face.map((blocks) => blocks.channels).reverse();
    channels = audio.channels;
    this.#decoder = faceDecoderRows(end).map((rows, part) => {
      const blocks = new Blocks(channels, narrowed(rows, width), decoder);
      channels = blocks.channels + skipped[part];
      return this.register(`face_decoder_blocks.${part}`, blocks);
    });
    const [row] = narrowed([{ kernel: 3, padding: 1, channels: 32 }], width);
    this.#beforeLast = this.register('output_block.0', new Block(channels, row, decoder));
    const last = new Conv2d({ inChannels: row.channels, outChannels: 3, kernelSize: 1, random: decoder });
    this.#last = this.register('output_block.1', last);
  }

  /**
   * Generates faces.
   *
   * @param masked float32 `[n, height, width, 3]`, RGB 0..1, the lower half black; borrowed.
   * @param references float32 `[n, height, width, 3]`, RGB 0..1; borrowed.
   * @param audio float32 `[n, 80, 16]`, mel from -4 to 4; borrowed.
   * @returns float32 `[n, height, width, 3]`, RGB 0..1, the whole face. The caller disposes it.
   * @throws TypeError if the shapes do not fit.
   */
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D {
    const where = 'Wav2LipGenerator.forward';
    this.assertUsable();
    assertImages(where, 'masked', masked);
    const [n, height, width] = masked.shape;
    if (references.shape.join() !== masked.shape.join())
      fail(TypeError, where, 'references', `of shape [${masked.shape.join(', ')}]`, references.shape);
    assertMel(where, audio, n);
    const { size } = this.config;
    return tf.tidy(() => {
      const images = tf.concat([networkImages(masked, size), networkImages(references, size)], 3);
      let map: tf.Tensor4D = this.#audio.forward(tf.expandDims(audio, 3));
      const maps: tf.Tensor4D[] = [];
      for (const blocks of this.#face) maps.push(blocks.forward(maps.at(-1) ?? images));
      for (const blocks of this.#decoder) map = tf.concat([blocks.forward(map), maps.pop()!], 3);
      const face = tf.sigmoid(this.#last.forward(this.#beforeLast.forward(map))) as tf.Tensor4D;
      return swapColours(stretchImages(face, { height, width }));
    });
  }

  /**
   * Keeps reference images for many frames.
   *
   * @param references float32 `[1 or n, height, width, 3]`, RGB 0..1; borrowed.
   * @returns the images; the caller disposes them.
   */
  encodeReferences(references: tf.Tensor4D): Wav2LipReferences {
    this.assertUsable('encodeReferences');
    assertImages('Wav2LipGenerator.encodeReferences', 'references', references);
    return { images: tf.clone(references) };
  }

  /**
   * Generates faces from kept references; as `forward` otherwise.
   *
   * @param references of one row or n.
   */
  generate(masked: tf.Tensor4D, { images }: Wav2LipReferences, audio: tf.Tensor3D): tf.Tensor4D {
    const [n] = masked.shape;
    return tf.tidy(() => {
      const spread = images.shape[0] === 1 && n !== 1 ? tf.tile<tf.Tensor4D>(images, [n, 1, 1, 1]) : images;
      return this.forward(masked, spread, audio);
    });
  }
}
