import { fail, type GeneratorRecipe, type HeadCrop } from '@lipsync/contracts';
import type { FaceGenerator } from '@lipsync/contracts/tensors';
import { Conv2d, Network, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { AdaAT } from './adaat';
import { DownBlock, type NormKind, type Part, ResBlock, SameBlock, Sequence, UpBlock } from './blocks';
import { assertDinetConfig, type DinetConfig } from './config';
import { MEL_FRONT_END_BINS, MelFrontEnd } from './mel-front-end';

/** Encoded references: the part of the computation that depends neither on the source frames nor on audio. */
export type DinetReferences = {
  /** Encoded, `[n, height / 4, width / 4, referenceChannels]`: input of the alignment. */
  readonly features: tf.Tensor4D;
  /** After the first residual blocks, the same shape: what AdaAT transforms. */
  readonly deformable: tf.Tensor4D;
};

/**
 * Frees the tensors of `encodeReferences`. Safe to call twice.
 *
 * @example
 * disposeReferences(references);
 */
export function disposeReferences({ features, deformable }: DinetReferences): void {
  features.dispose();
  deformable.dispose();
}

/** How often `trans_conv` halves a frame, the source's encoder included. */
const HALVINGS = 6;

/** Makers of two-dimensional blocks with one norm and one stream of random weights. */
function blocks2d(norm: NormKind, random: Random) {
  const options = (inChannels: number, outChannels: number, kernelSize: number) =>
    ({ dimensions: 2, inChannels, outChannels, kernelSize, norm, random }) as const;
  return {
    same: (inChannels: number, outChannels: number, kernelSize: number) =>
      new SameBlock(options(inChannels, outChannels, kernelSize)),
    down: (inChannels: number, outChannels: number, own: NormKind = norm) =>
      new DownBlock({ ...options(inChannels, outChannels, 3), norm: own }),
    residual: (channels: number) => new ResBlock(options(channels, channels, 3)),
    up: (inChannels: number, outChannels: number) => new UpBlock(options(inChannels, outChannels, 3)),
    random,
  };
}
type Blocks2d = ReturnType<typeof blocks2d>;

/** Frames to a map of a quarter of their size. */
function encoderParts({ same, down }: Blocks2d, inChannels: number, width: number, outChannels: number): Part[] {
  return [same(inChannels, width, 7), down(width, 2 * width), down(2 * width, outChannels)];
}

/** The maps of source and references to one that is a sixteenth of their size. */
function alignmentParts({ same, down }: Blocks2d, inChannels: number, width: number, lastNorm: NormKind): Part[] {
  const pair = (kernelSize: number) => [same(width, width, kernelSize), same(width, width, kernelSize)];
  return [
    same(inChannels, width, 3),
    ...pair(11),
    down(width, width),
    ...pair(7),
    down(width, width),
    same(width, width, 3),
    down(width, width),
    same(width, width, 3),
    down(width, width, lastNorm),
  ];
}

/** Audio features `[n, steps, inChannels]` to `[n, steps', width]`. */
function audioParts(inChannels: number, width: number, norm: NormKind, random: Random): Part[] {
  const options = (from: number, kernelSize: number) =>
    ({ dimensions: 1, inChannels: from, outChannels: width, kernelSize, norm, random }) as const;
  return [
    new SameBlock(options(inChannels, 5)),
    new ResBlock(options(width, 3)),
    new DownBlock(options(width, 3)),
    new ResBlock(options(width, 3)),
    new DownBlock(options(width, 3)),
    new SameBlock(options(width, 3)),
  ];
}

/** The maps of the source and the transformed references to a frame, before the sigmoid. */
function outputParts({ same, up, residual, random }: Blocks2d, inChannels: number, width: number): Part[] {
  return [
    same(inChannels, width, 3),
    up(width, width),
    residual(width),
    up(width, width),
    new Conv2d({ inChannels: width, outChannels: 3, kernelSize: 7, padding: 3, random }),
  ];
}

/**
 * DINet's generator: fills the masked mouth of a face from reference frames of the same face, whose feature channels
 * are transformed one by one (`AdaAT`) by audio and head pose.
 *
 * Fully convolutional: sides are multiples of 4 (104 x 80 for a mouth of 64 pixels, 208 x 160, 416 x 320). The whole
 * face is generated.
 *
 * Source: MRzzm/DINet, `DINet`, parameter names and shapes alike: 19,190,275 parameters with `DINET`. The thesis's
 * variant: `ref_in_conv`, the residual blocks and AdaAT have 128 channels, the source's map keeps 256
 * (`docs/decisions`). Largest difference of frames from PyTorch in float64 with the same weights: 2e-5. The mel front
 * end, where the config asks for one, is ours, under `mel_front_end`.
 *
 * A new generator is in training mode; call `eval()` before inference. The caller calls `dispose()` when done.
 *
 * @throws RangeError or TypeError for a config that is not complete.
 * @example
 * const net = new DinetGenerator(LITE_DINET, { seed: 0 }).eval();
 * const faces = net.forward(tf.zeros([1, 104, 80, 3]), tf.zeros([1, 104, 80, 15]), tf.zeros([1, 80, 16])); // [1, 104, 80, 3]
 */
export class DinetGenerator extends Network implements FaceGenerator {
  readonly name = 'DINet';
  readonly config: DinetConfig;
  readonly recipe: GeneratorRecipe;
  /** The face images that it was trained with, where its file says so; set by the loader. */
  crop?: HeadCrop;
  readonly #sourceIn: Sequence;
  readonly #referenceIn: Sequence;
  readonly #align: Sequence;
  readonly #melFrontEnd: MelFrontEnd | undefined;
  readonly #audio: Sequence;
  readonly #before: Sequence;
  readonly #adaAT: AdaAT;
  readonly #after: Sequence;
  readonly #out: Sequence;

  constructor(config: DinetConfig, { seed }: { /** Seed of the first weights, an integer. */ seed: number }) {
    super();
    this.config = structuredClone(assertDinetConfig('DinetGenerator', config));
    const { width, referenceChannels, references, norm, audioNorm, alignmentEnd, sampling, audio } = this.config;
    this.recipe = { crops: ['dinet head'], hidden: 'mouth box', laid: 'hidden part', references, audio };
    const [half, full] = [2 * width, 4 * width]; // 128 and 256 of 64
    // Each part has a random stream of its own: it starts the same whatever the others are.
    const blocks = (stream: number) => blocks2d(norm, new Random(seed, stream));
    const lastNorm = alignmentEnd === 'plain' ? 'none' : norm;
    const residuals = (stream: number) => {
      const { residual } = blocks(stream);
      return new Sequence(Array.from({ length: 4 }, () => residual(referenceChannels)));
    };

    this.#sourceIn = this.register('source_in_conv', new Sequence(encoderParts(blocks(0), 3, width, full)));
    const reference = encoderParts(blocks(1), 3 * references, width, referenceChannels);
    this.#referenceIn = this.register('ref_in_conv', new Sequence(reference));
    const alignment = alignmentParts(blocks(2), full + referenceChannels, half, lastNorm);
    this.#align = this.register('trans_conv', new Sequence(alignment));

    if (audio.kind === 'mel') {
      this.#melFrontEnd = new MelFrontEnd({ ...audio, channels: half, random: new Random(seed, 4) });
    }
    const bins = this.#melFrontEnd ? MEL_FRONT_END_BINS : audio.bins;
    this.#audio = this.register('audio_encoder', new Sequence(audioParts(bins, half, audioNorm, new Random(seed, 3))));

    this.#before = this.register('appearance_conv_list.0', residuals(5));
    this.#after = this.register('appearance_conv_list.1', residuals(6));
    const transforms = { parameters: full, channels: referenceChannels, sampling, random: new Random(seed, 7) };
    this.#adaAT = this.register('adaAT', new AdaAT(transforms));
    this.#out = this.register('out_conv', new Sequence(outputParts(blocks(8), full + referenceChannels, half)));
    if (this.#melFrontEnd) this.register('mel_front_end', this.#melFrontEnd);
  }

  /**
   * Generates faces.
   *
   * @param masked float32 `[n, height, width, 3]`, RGB 0..1, the mouth box black; borrowed.
   * @param references float32 `[n, height, width, references * 3]`, RGB 0..1, channel = frame * 3 + colour; borrowed.
   * @param audio float32 `[n, bins, steps]`: logits, or mel from -4 to 4, as in the config; borrowed.
   * @returns float32 `[n, height, width, 3]`, RGB 0..1, the whole face. The caller disposes it.
   * @throws TypeError if the shapes do not fit.
   */
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D {
    return tf.tidy(() => this.generate(masked, this.encodeReferences(references), audio));
  }

  /**
   * Encodes reference frames once, for many calls of `generate`. In evaluation mode (or with InstanceNorm) the result
   * is the same as in `forward`.
   *
   * @param references float32 `[n, height, width, references * 3]`, borrowed; with n = 1 they serve every frame of
   *   `generate`.
   * @returns two maps; the caller frees them with `disposeReferences`.
   * @throws TypeError if the shape does not fit.
   */
  encodeReferences(references: tf.Tensor4D): DinetReferences {
    this.assertUsable('encodeReferences');
    this.#assertFrame('DinetGenerator.encodeReferences', 'references', references, 3 * this.config.references);
    return tf.tidy(() => {
      const features = this.#referenceIn.forward(references) as tf.Tensor4D;
      return { features, deformable: this.#before.forward(features) as tf.Tensor4D };
    });
  }

  /**
   * Generates faces with encoded references. Arguments and result as in `forward`.
   *
   * @param references of `encodeReferences`, borrowed: as many as frames, or one for all.
   * @throws TypeError if the shapes do not fit.
   */
  generate(masked: tf.Tensor4D, references: DinetReferences, audio: tf.Tensor3D): tf.Tensor4D {
    this.assertUsable('generate');
    this.#assertInputs('DinetGenerator.generate', masked, references, audio);
    const [n] = masked.shape;
    return tf.tidy(() => {
      const spread = (x: tf.Tensor4D) => (x.shape[0] === n ? x : tf.tile(x, [n, 1, 1, 1]));
      const source = this.#sourceIn.forward(masked);
      const pose = tf.mean(this.#align.forward(tf.concat([source, spread(references.features)], 3)), [1, 2]);
      const speech = tf.mean(this.#encodeAudio(audio), 1);
      const parameters = tf.concat([pose, speech], 1) as tf.Tensor2D;
      const transformed = this.#adaAT.forward(spread(references.deformable), parameters);
      const maps = tf.concat([source, this.#after.forward(transformed)], 3);
      return tf.sigmoid(this.#out.forward(maps)) as tf.Tensor4D;
    });
  }

  /** Audio `[n, bins, steps]` to `[n, steps', 2 * width]`. */
  #encodeAudio(audio: tf.Tensor3D): tf.Tensor {
    const steps = tf.transpose(audio, [0, 2, 1]);
    return this.#audio.forward(this.#melFrontEnd ? this.#melFrontEnd.forward(steps) : steps);
  }

  #assertInputs(where: string, masked: tf.Tensor4D, references: DinetReferences, audio: tf.Tensor3D): void {
    this.#assertFrame(where, 'masked', masked, 3);
    const { bins, steps } = this.config.audio;
    const [n, height, width] = masked.shape;
    const [kept, rows, columns] = references.features.shape;
    if ((kept !== n && kept !== 1) || rows !== height / 4 || columns !== width / 4) {
      const rule = `1 or ${n} of frames of ${height} x ${width}`;
      fail(TypeError, where, 'references', rule, `${kept} of ${4 * rows} x ${4 * columns}`);
    }
    if (audio.rank !== 3 || audio.shape[0] !== n || audio.shape[1] !== bins || audio.shape[2] !== steps) {
      fail(TypeError, where, 'audio', `of shape [${n}, ${bins}, ${steps}]`, audio.shape);
    }
  }

  #assertFrame(where: string, name: string, x: tf.Tensor4D, channels: number): void {
    const [, height = 0, width = 0, last] = x.shape;
    const divides = height > 0 && width > 0 && height % 4 === 0 && width % 4 === 0;
    if (x.rank !== 4 || last !== channels || !divides) {
      const rule = `of shape [n, height, width, ${channels}], height and width multiples of 4`;
      fail(TypeError, where, name, rule, x.shape);
    }
    // The last map that InstanceNorm normalises must have more than one pixel.
    const smallest = 2 ** (this.config.alignmentEnd === 'plain' ? HALVINGS - 1 : HALVINGS);
    if (this.config.norm === 'instance' && Math.max(height, width) <= smallest) {
      const rule = `larger than ${smallest} pixels on one side: InstanceNorm of a map of one pixel is 0`;
      fail(TypeError, where, name, rule, x.shape);
    }
    if (Math.min(height, width) < 8) fail(TypeError, where, name, 'of sides of at least 8 pixels', x.shape);
  }
}
