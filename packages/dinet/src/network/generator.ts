import { fail } from '@lipsync/contracts';
import { Conv2d, Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { AdaAT } from './adaat';
import { DownBlock, ResBlock, SameBlock, Sequence, UpBlock } from './blocks';
import { assertDinetConfig, type DinetConfig } from './config';
import { MEL_FRONT_END_BINS, MelFrontEnd } from './mel-front-end';

/** What of the references depends neither on frames nor on audio. */
export type DinetReferences = {
  /** Encoded, `[n, height / 4, width / 4, referenceChannels]`: what the alignment looks at. */
  readonly features: tf.Tensor4D;
  /** After the first residual blocks, of the same shape: what AdaAT moves. */
  readonly deformable: tf.Tensor4D;
};

/** Frees what `encodeReferences` made. Safe to call twice. */
export function disposeReferences({ features, deformable }: DinetReferences): void {
  features.dispose();
  deformable.dispose();
}

/** How often `trans_conv` halves a frame, the source's encoder included. */
const HALVINGS = 6;

/**
 * DINet's generator: paints the masked mouth of a face from reference frames of the same face, moved channel by channel (`AdaAT`) as audio
 * and head position ask.
 *
 * Fully convolutional: sides are multiples of 4 (104 x 80 for a mouth of 64 pixels, 208 x 160, 416 x 320). The whole face is painted.
 *
 * Source: MRzzm/DINet, `DINet`, parameter names and shapes alike: 19,190,275 parameters with `DINET`. The thesis's variant: `ref_in_conv`, the
 * residual blocks and AdaAT have 128 channels, the source's map keeps 256 (`docs/decisions`). Against PyTorch 1.13 with the same weights: see
 * README. A mel front end, where the config asks for one, is ours, under `mel_front_end`.
 *
 * A new generator is in training mode; call `eval()` before painting for use. The caller calls `dispose()` when done.
 *
 * @throws RangeError or TypeError for a config that is not complete.
 * @example
 * const net = new DinetGenerator(LITE_DINET, { seed: 0 });
 * const painted = net.forward(masked, references, mel); // [n, 104, 80, 3], 0..1
 */
export class DinetGenerator extends Module {
  readonly config: DinetConfig;
  private readonly sourceIn: Sequence;
  private readonly referenceIn: Sequence;
  private readonly align: Sequence;
  private readonly melFrontEnd: MelFrontEnd | undefined;
  private readonly audio: Sequence;
  private readonly before: Sequence;
  private readonly adaAT: AdaAT;
  private readonly after: Sequence;
  private readonly out: Sequence;

  constructor(config: DinetConfig, { seed }: { seed: number }) {
    super();
    this.config = structuredClone(assertDinetConfig('DinetGenerator', config));
    const {
      width,
      referenceChannels,
      references,
      norm,
      audioNorm,
      alignmentEnd = 'norm',
      sampling,
      audio,
    } = this.config;
    const [half, full] = [2 * width, 4 * width]; // 128 and 256 of 64

    const frames = (stream: number) => {
      const random = new Random(seed, stream);
      const options = (inChannels: number, outChannels: number, kernelSize: number) =>
        ({ dimensions: 2, inChannels, outChannels, kernelSize, norm, random }) as const;
      return {
        same: (inChannels: number, outChannels: number, kernelSize: number) =>
          new SameBlock(options(inChannels, outChannels, kernelSize)),
        down: (inChannels: number, outChannels: number, own: typeof norm | 'none' = norm) =>
          new DownBlock({ ...options(inChannels, outChannels, 3), norm: own }),
        residual: (channels: number) => new ResBlock(options(channels, channels, 3)),
        up: (inChannels: number, outChannels: number) => new UpBlock(options(inChannels, outChannels, 3)),
        random,
      };
    };
    const encoder = (stream: number, inChannels: number, outChannels: number) => {
      const { same, down } = frames(stream);
      return new Sequence([same(inChannels, width, 7), down(width, half), down(half, outChannels)]);
    };

    this.sourceIn = this.register('source_in_conv', encoder(0, 3, full));
    this.referenceIn = this.register('ref_in_conv', encoder(1, 3 * references, referenceChannels));

    const { same, down } = frames(2);
    const alignment = [
      same(full + referenceChannels, half, 3),
      ...[same(half, half, 11), same(half, half, 11), down(half, half)],
      ...[same(half, half, 7), same(half, half, 7), down(half, half)],
      ...[same(half, half, 3), down(half, half)],
      ...[same(half, half, 3), down(half, half, alignmentEnd === 'plain' ? 'none' : norm)],
    ];
    this.align = this.register('trans_conv', new Sequence(alignment));

    const random = new Random(seed, 3);
    const line = (inChannels: number, kernelSize: number) =>
      ({ dimensions: 1, inChannels, outChannels: half, kernelSize, norm: audioNorm, random }) as const;
    this.melFrontEnd =
      audio.kind === 'mel' ? new MelFrontEnd({ ...audio, channels: half, random: new Random(seed, 4) }) : undefined;
    const listener = [
      new SameBlock(line(this.melFrontEnd ? MEL_FRONT_END_BINS : audio.bins, 5)),
      ...[new ResBlock(line(half, 3)), new DownBlock(line(half, 3))],
      ...[new ResBlock(line(half, 3)), new DownBlock(line(half, 3))],
      new SameBlock(line(half, 3)),
    ];
    this.audio = this.register('audio_encoder', new Sequence(listener));

    const residuals = (stream: number) =>
      new Sequence(
        Array.from(
          { length: 4 },
          (
            (make) => () =>
              make.residual(referenceChannels)
          )(frames(stream)),
        ),
      );
    this.before = this.register('appearance_conv_list.0', residuals(5));
    this.after = this.register('appearance_conv_list.1', residuals(6));
    const turning = { parameters: full, channels: referenceChannels, sampling, random: new Random(seed, 7) };
    this.adaAT = this.register('adaAT', new AdaAT(turning));

    const last = frames(8);
    const generation = [
      ...[last.same(full + referenceChannels, half, 3), last.up(half, half)],
      ...[last.residual(half), last.up(half, half)],
      new Conv2d({ inChannels: half, outChannels: 3, kernelSize: 7, padding: 3, random: last.random }),
    ];
    this.out = this.register('out_conv', new Sequence(generation));
    if (this.melFrontEnd) this.register('mel_front_end', this.melFrontEnd);
  }

  /**
   * Paints faces.
   *
   * @param masked float32 `[n, height, width, 3]`, RGB 0..1, the mouth box black.
   * @param references float32 `[n, height, width, references · 3]`, RGB 0..1, channel = frame · 3 + colour.
   * @param audio float32 `[n, bins, steps]`: logits, or mel from -4 to 4, as the config says.
   * @returns float32 `[n, height, width, 3]`, RGB 0..1, the whole face. The caller disposes it.
   * @throws TypeError if the shapes do not fit.
   */
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D {
    return tf.tidy(() => this.generate(masked, this.encodeReferences(references), audio));
  }

  /**
   * Encodes reference frames once, for many frames painted with them. In evaluation mode (or with InstanceNorm) the same as in `forward`.
   *
   * @param references float32 `[n, height, width, references · 3]`; with n = 1 they serve every frame of `paint`.
   * @returns two maps; the caller frees them with `disposeReferences`.
   * @throws TypeError if the shape does not fit.
   */
  encodeReferences(references: tf.Tensor4D): DinetReferences {
    this.assertUsable('encodeReferences');
    this.assertFrame('DinetGenerator.encodeReferences', 'references', references, 3 * this.config.references);
    return tf.tidy(() => {
      const features = this.referenceIn.forward(references) as tf.Tensor4D;
      return { features, deformable: this.before.forward(features) as tf.Tensor4D };
    });
  }

  /**
   * Paints faces with encoded references. Arguments and result as in `forward`.
   *
   * @param references of `encodeReferences`, borrowed: as many as frames, or one for all.
   */
  generate(masked: tf.Tensor4D, references: DinetReferences, audio: tf.Tensor3D): tf.Tensor4D {
    this.assertUsable('paint');
    const where = 'DinetGenerator.paint';
    const { bins, steps } = this.config.audio;
    this.assertFrame(where, 'masked', masked, 3);
    const [n, height, width] = masked.shape;
    const [kept, ...map] = references.features.shape;
    if ((kept !== n && kept !== 1) || map[0] !== height / 4 || map[1] !== width / 4) {
      fail(
        TypeError,
        where,
        'references',
        `1 or ${n} of frames of ${height} x ${width}`,
        `${kept} of ${4 * map[0]} x ${4 * map[1]}`,
      );
    }
    if (audio.rank !== 3 || audio.shape[0] !== n || audio.shape[1] !== bins || audio.shape[2] !== steps) {
      fail(TypeError, where, 'audio', `of shape [${n}, ${bins}, ${steps}]`, audio.shape);
    }
    return tf.tidy(() => {
      const spread = (x: tf.Tensor4D) => (kept === n ? x : tf.tile(x, [n, 1, 1, 1]));
      const source = this.sourceIn.forward(masked);
      const aligned = tf.mean(this.align.forward(tf.concat([source, spread(references.features)], 3)), [1, 2]);
      const heard = tf.mean(this.listen(audio), 1);
      const parameters = tf.concat([aligned, heard], 1) as tf.Tensor2D;
      const moved = this.adaAT.forward(spread(references.deformable), parameters);
      return tf.sigmoid(this.out.forward(tf.concat([source, this.after.forward(moved)], 3))) as tf.Tensor4D;
    });
  }

  /** Audio to `[n, steps', 2 · width]`. */
  private listen(audio: tf.Tensor3D): tf.Tensor {
    const steps = tf.transpose(audio, [0, 2, 1]);
    return this.audio.forward(this.melFrontEnd ? this.melFrontEnd.forward(steps) : steps);
  }

  private assertFrame(where: string, name: string, x: tf.Tensor, channels: number): void {
    const [, height = 0, width = 0, last] = x.shape;
    const divides = height > 0 && width > 0 && height % 4 === 0 && width % 4 === 0;
    if (x.rank !== 4 || last !== channels || !divides) {
      fail(
        TypeError,
        where,
        name,
        `of shape [n, height, width, ${channels}], height and width multiples of 4`,
        x.shape,
      );
    }
    // The last map that InstanceNorm sees must have more than a pixel.
    const smallest = 2 ** (this.config.alignmentEnd === 'plain' ? HALVINGS - 1 : HALVINGS);
    if (this.config.norm === 'instance' && Math.max(height, width) <= smallest) {
      fail(
        TypeError,
        where,
        name,
        `larger than ${smallest} pixels on one side: InstanceNorm makes 0 of the one pixel that is left of smaller ones`,
        x.shape,
      );
    }
    if (Math.min(height, width) < 8) fail(TypeError, where, name, 'of sides of at least 8 pixels', x.shape);
  }
}
