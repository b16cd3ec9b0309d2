import { fail, type GeneratorRecipe, type StoredCrop } from '@lipsync/contracts';
import type { EncodedReferences, FaceGenerator } from '@lipsync/contracts/tensors';
import { Network, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { mixReferences, referenceWeights } from './attention';
import { assertReferenceGeneratorConfig, type ReferenceGeneratorConfig } from './config';
import { Decoder } from './decoder';
import { AudioEncoder, FaceEncoder, MEL_BANDS, MEL_STEPS } from './encoders';

/** What `encodeReferences` gives, by name: the embeddings, and the maps that the decoder reads by their side. */
type Encoded = {
  /** `[clips, references, 32 width]`. */
  embeddings: tf.Tensor3D;
  /** `map24` and so on: `[clips · references, side, side, channels]`. */
  [map: `map${number}`]: tf.Tensor4D;
};

/** Generated faces. */
export type GeneratedFaces = {
  /** `[n, size, size, 3]`, RGB 0..1: the whole face, of which only the masked half is of use. */
  image: tf.Tensor4D;
  /** `[n, size, size, 1]`, 0..1: where the mouth is; absent without a mask head. */
  mask?: tf.Tensor4D;
};

/**
 * The reference-attention generator: fills the masked half of a face from the audio and from other frames of the same
 * face, which are weighed by the audio.
 *
 * Frame and references each have an encoder of ten residual blocks, audio one of seven; the decoder mirrors them, reads
 * their maps up to `largestSkip`, and ends in an image and a mask. `blendByMask` puts the image into the frame.
 *
 * Source: a coursework of 2021 (Kyiv-Mohyla Academy), text without code; what it leaves open is decided in
 * `docs/decisions/2026-12-01-reference-attention.md`. Largest difference from PyTorch classes of the same description
 * in float64: 2e-6, see the test.
 *
 * A new generator is in training mode; call `eval()` before inference. The caller calls `dispose()` when done.
 *
 * @throws RangeError or TypeError for a config that is not complete.
 * @example
 * const net = new ReferenceGenerator(LITE_REFERENCE_GENERATOR, { seed: 0 }).eval();
 * const references = net.encodeReferences(tf.zeros([1, 96, 96, 30])); // ten frames of one clip, for all its frames
 * const faces = net.generate(tf.zeros([5, 96, 96, 3]), references, tf.zeros([5, 80, 16])); // [5, 96, 96, 3]
 * tf.dispose(references);
 */
export class ReferenceGenerator extends Network implements FaceGenerator {
  readonly name = 'reference attention';
  readonly config: ReferenceGeneratorConfig;
  readonly recipe: GeneratorRecipe;
  /** The face images that it was trained with; undefined where its file does not say. */
  crop?: StoredCrop;
  readonly #identity: FaceEncoder;
  readonly #reference: FaceEncoder;
  readonly #audio: AudioEncoder;
  readonly #decoder: Decoder;

  constructor(
    config: ReferenceGeneratorConfig,
    { seed }: { /** Seed of the first weights, an integer. */ seed: number },
  ) {
    super();
    this.config = structuredClone(assertReferenceGeneratorConfig('ReferenceGenerator', config));
    const audio = { kind: 'mel', bins: MEL_BANDS, steps: MEL_STEPS } as const;
    const { references } = this.config;
    this.recipe = { crops: ['face box'], hidden: 'lower half', laid: 'hidden part', references, audio };
    // Each part has a random stream of its own: it starts the same whatever the others are.
    const part = (stream: number) => ({ ...this.config, random: new Random(seed, stream) });
    this.#identity = this.register('identity_encoder', new FaceEncoder(part(0)));
    this.#reference = this.register('reference_encoder', new FaceEncoder(part(1)));
    this.#audio = this.register('audio_encoder', new AudioEncoder(part(2)));
    this.#decoder = this.register('decoder', new Decoder(this.config, seed));
  }

  /**
   * Generates faces.
   *
   * @param masked float32 `[clips · frames, size, size, 3]`, RGB 0..1, the lower half black, the frames of a clip one
   *   after the other; borrowed.
   * @param references float32 `[clips, size, size, references * 3]`, RGB 0..1, channel = frame * 3 + colour, any number
   *   of frames; borrowed.
   * @param audio float32 `[clips · frames, 80, 16]`, mel from -4 to 4 around each frame; borrowed.
   * @returns float32 `[clips · frames, size, size, 3]`, RGB 0..1, the whole face. The caller disposes it.
   * @throws TypeError if the shapes do not fit.
   */
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D {
    return tf.tidy(() => this.generate(masked, this.encodeReferences(references), audio));
  }

  /**
   * Encodes reference frames once, for many calls of `generate`. In evaluation mode the result is the same as in
   * `forward`.
   *
   * @param references float32 `[clips, size, size, references * 3]`, borrowed.
   * @returns embeddings and maps; the caller disposes each (`tf.dispose` takes all).
   * @throws TypeError if the shape does not fit.
   */
  encodeReferences(references: tf.Tensor4D): EncodedReferences {
    this.assertUsable('encodeReferences');
    const { size, largestSkip, referencePart } = this.config;
    const [clips = 0, height, width, channels = 0] = references.shape;
    const fits = references.rank === 4 && height === size && width === size && channels % 3 === 0;
    if (!fits || references.size === 0) {
      const rule = `of shape [clips, ${size}, ${size}, references * 3], at least one of each`;
      fail(TypeError, 'ReferenceGenerator.encodeReferences', 'references', rule, references.shape);
    }
    return tf.tidy(() => {
      const frames = tf.reshape<tf.Rank.R5>(references, [clips, size, size, channels / 3, 3]);
      const faces = tf.reshape(tf.transpose(frames, [0, 3, 1, 2, 4]), [-1, size, size, 3]) as tf.Tensor4D;
      const { embedding, maps } = this.#reference.forward(referencePart === 'whole' ? faces : lowerHalf(faces));
      const encoded: Encoded = { embeddings: tf.reshape(embedding, [clips, channels / 3, -1]) as tf.Tensor3D };
      for (const map of maps) if (map.shape[1] <= largestSkip) encoded[`map${map.shape[1]}`] = map;
      return encoded;
    });
  }

  /**
   * Generates faces with encoded references. Arguments and result as in `forward`.
   *
   * @param references of `encodeReferences`, borrowed: of as many clips as divide the number of frames.
   * @throws TypeError if the shapes do not fit.
   */
  generate(masked: tf.Tensor4D, references: EncodedReferences, audio: tf.Tensor3D): tf.Tensor4D {
    return tf.tidy(() => this.generateWithMask(masked, references, audio).image);
  }

  /**
   * As `generate`, with the predicted mask, for training and for `blendByMask`.
   *
   * @returns image and mask. The caller disposes them.
   * @throws TypeError if the shapes do not fit.
   */
  generateWithMask(masked: tf.Tensor4D, references: EncodedReferences, audio: tf.Tensor3D): GeneratedFaces {
    this.assertUsable('generate');
    const encoded = references as Encoded;
    this.#assertInputs(masked, encoded, audio);
    const clips = encoded.embeddings.shape[0];
    return tf.tidy(() => {
      const { embedding, maps } = this.#identity.forward(masked);
      const speech = this.#audio.forward(audio);
      const byClip = tf.reshape(speech, [clips, -1, speech.shape[1]]) as tf.Tensor3D;
      const weights = referenceWeights(byClip, encoded.embeddings, this.config.attention);
      const mixed = tf.reshape(tf.matMul(weights, encoded.embeddings), embedding.shape);
      return this.#decoder.forward({
        bottleneck: tf.concat([embedding, mixed, speech], 1) as tf.Tensor2D,
        audio: speech,
        frame: maps,
        references: maps.map(({ shape }) => {
          const map = encoded[`map${shape[1]}`];
          return map && mixReferences(weights, map);
        }),
      });
    });
  }

  #assertInputs(masked: tf.Tensor4D, { embeddings }: Encoded, audio: tf.Tensor3D): void {
    const where = 'ReferenceGenerator.generate';
    const { size } = this.config;
    const [n = 0] = masked.shape;
    if (masked.rank !== 4 || n === 0 || masked.shape.slice(1).join() !== [size, size, 3].join())
      fail(TypeError, where, 'masked', `of shape [n, ${size}, ${size}, 3]`, masked.shape);
    const [clips] = embeddings.shape;
    if (n % clips !== 0) fail(TypeError, where, 'references', `of a number of clips that divides ${n}`, clips);
    if (audio.shape.join() !== [n, MEL_BANDS, MEL_STEPS].join())
      fail(TypeError, where, 'audio', `of shape [${n}, ${MEL_BANDS}, ${MEL_STEPS}]`, audio.shape);
  }
}

/** Frames `[n, size, size, 3]` with the upper half black. The caller disposes it. */
function lowerHalf(frames: tf.Tensor4D): tf.Tensor4D {
  const [n, size] = frames.shape;
  const lower = tf.slice(frames, [0, size / 2, 0, 0], [n, size / 2, size, 3]);
  return tf.concat<tf.Tensor4D>([tf.zeros([n, size / 2, size, 3]), lower], 1);
}
