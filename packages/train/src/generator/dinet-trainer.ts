import { assertGeneratorExpert, type GeneratorSyncExpert, generatorSyncLoss } from '@lipsync/avalignnet';
import { fail } from '@lipsync/contracts';
import type { FeatureBatch } from '@lipsync/contracts/tensors';
import {
  DINET_WEIGHTS,
  type DinetWeights,
  imageLoss,
  lsganDiscriminatorLoss,
  lsganGeneratorLoss,
  type PerceptualLoss,
} from '@lipsync/dinet';
import type * as tf from '@tensorflow/tfjs-core';
import {
  type ClipDiscriminator,
  clipWindows,
  LossTerms,
  type MouthInput,
  type TrainedDiscriminator,
} from './generator-terms';
import {
  type DiscriminatorRole,
  type GeneratorRates,
  type GeneratorStepReport,
  GeneratorTrainer,
  type GeneratorTrainerState,
  type TrainedGenerator,
} from './generator-trainer';
import { assertTrainBatch, type GeneratorTrainBatch } from './train-batch';

/** Networks, losses and rates of a `DinetTrainer`. */
export type DinetTrainerOptions = Omit<GeneratorRates, 'betas'> & {
  generator: TrainedGenerator;
  /** The discriminator of single frames. */
  frameDiscriminator: TrainedDiscriminator;
  /**
   * The discriminator of the clip stage: takes windows of `frameCount` frames of a row, on the channels. Default: none,
   * the frame stage.
   */
  clipDiscriminator?: ClipDiscriminator;
  /** Changes to `DINET_WEIGHTS`. With `gan: 0` the discriminators are not trained. */
  weights?: Partial<DinetWeights>;
  /** `dinetPerceptual(vgg19)`. Default: no perceptual loss. */
  perceptual?: PerceptualLoss;
  /** A frozen expert, in evaluation mode, borrowed. Default: no sync loss. */
  sync?: { expert: GeneratorSyncExpert; mouthInput: MouthInput };
};

/** Figures of a step of `DinetTrainer`. */
export type DinetStepReport = GeneratorStepReport;

/** Everything that resuming a `DinetTrainer` needs. */
export type DinetTrainerState = GeneratorTrainerState;

/**
 * Trains a generator against its discriminators, one step at a time.
 *
 * A step: the generator makes frames; the frame discriminator, and in the clip stage the clip discriminator, take a
 * step on true and generated frames; then the generator takes a step on `10 perceptual + gan (+ gan of clips) + 0.1
 * sync + image`, with the scores of the discriminators as just updated. Discriminators and generator are trained on the
 * same generated frames, as in the source.
 *
 * Cost: the generator goes forward once, and its tape waits while the discriminators are trained (`HeldTape`). With
 * `chunk`, all chunks but the last go forward twice. All losses are means over rows, so the gradients of chunks are
 * those of the whole batch but for rounding (1e-5 of the largest in networks of two layers, 4e-4 in a small
 * `DinetGenerator`, where rounding the frames alone makes 1e-2; see the test). Only BatchNorm takes each chunk's own
 * statistics, which makes the division count; running statistics follow each chunk once.
 *
 * The clip discriminator takes windows that do not overlap: of rows of 10 frames, frames 0-4 and 5-9. Every frame is in
 * one window; the seam is in none.
 *
 * Source: MRzzm/DINet `train_DINet_frame.py`, `train_DINet_clip.py` (Adam 1e-4) and the thesis (AdamW, cosine sync
 * loss, image loss). Against PyTorch 1.13, two steps of both stages: losses differ by less than 5e-6 of themselves,
 * gradients by less than 2e-5 of each tensor's largest.
 *
 * Takes the networks over: `dispose` frees them with the optimisers. Perceptual network and expert stay the caller's.
 *
 * @throws TypeError or RangeError for options that cannot work, Error for an expert in training mode.
 * @example
 * import { DinetDiscriminator, DinetGenerator, LITE_DINET } from '@lipsync/dinet';
 * import { DinetTrainer } from '@lipsync/train';
 * const trainer = new DinetTrainer({
 *   generator: new DinetGenerator(LITE_DINET, { seed: 0 }),
 *   frameDiscriminator: new DinetDiscriminator({ frameCount: 1, seed: 1 }),
 * });
 * const { generator } = await trainer.step({ real, masked, references, audio, frameCount: 1 });
 */
export class DinetTrainer extends GeneratorTrainer {
  /** Weights of the terms of the generator's loss. */
  readonly weights: DinetWeights;

  constructor(options: DinetTrainerOptions) {
    const where = 'DinetTrainer';
    const { generator, frameDiscriminator, clipDiscriminator, sync } = options;
    const weights = { ...DINET_WEIGHTS, ...options.weights };
    assertOptions(options, weights);
    const usesSync = sync !== undefined && weights.sync > 0;
    const clips = clipDiscriminator ? [clipRole(clipDiscriminator)] : [];
    super(
      generator,
      {
        where,
        discriminators: [frameRole(frameDiscriminator), ...clips],
        trainsDiscriminators: () => weights.gan !== 0,
        first: 'discriminators',
        terms: (batch, generated) => termsOf({ ...options, weights }, batch, generated).list,
        assertBatch(batch) {
          assertTrainBatch(`${where}.step`, batch, { clipFrames: clipDiscriminator?.frameCount, sync: usesSync });
          // It may have been put into training mode since.
          if (usesSync) assertGeneratorExpert(`${where}.step`, sync.expert);
        },
      },
      options,
    );
    this.weights = weights;
  }
}

function frameRole(net: TrainedDiscriminator): DiscriminatorRole {
  const loss: DiscriminatorRole['loss'] = ({ real }, generated) =>
    lsganDiscriminatorLoss(net.forward(real), net.forward(generated));
  return { part: 'frame_discriminator', net, loss };
}

function clipRole(net: ClipDiscriminator): DiscriminatorRole {
  const scores = (frames: tf.Tensor4D) => net.forward(clipWindows(frames, net.frameCount));
  const loss: DiscriminatorRole['loss'] = ({ real }, generated) =>
    lsganDiscriminatorLoss(scores(real), scores(generated));
  return { part: 'clip_discriminator', net, loss };
}

/** The terms of DINet's loss, in the order in which they are added. */
function termsOf(
  { weights, frameDiscriminator, clipDiscriminator, perceptual, sync }: DinetTrainerOptions & { weights: DinetWeights },
  { real, angles, syncAudio }: GeneratorTrainBatch,
  generated: tf.Tensor4D,
): LossTerms {
  const terms = new LossTerms();
  if (perceptual) terms.add('perceptual', weights.perceptual, () => perceptual(real, generated));
  terms.add('gan', weights.gan, () => lsganGeneratorLoss(frameDiscriminator.forward(generated)));
  if (clipDiscriminator) {
    const windows = () => clipWindows(generated, clipDiscriminator.frameCount);
    terms.add('ganClip', weights.gan, () => lsganGeneratorLoss(clipDiscriminator.forward(windows())));
  }
  if (sync) {
    const mouths = () => sync.mouthInput(generated, angles as tf.Tensor1D);
    terms.add('sync', weights.sync, () => generatorSyncLoss(sync.expert, mouths(), syncAudio as FeatureBatch));
  }
  terms.add('image', weights.image, () => imageLoss(real, generated));
  return terms;
}

function assertOptions({ sync }: DinetTrainerOptions, weights: DinetWeights): void {
  const where = 'DinetTrainer';
  for (const [name, value] of Object.entries(weights)) {
    if (!(value >= 0 && value < Infinity)) fail(RangeError, where, `weights.${name}`, 'a finite number from 0', value);
  }
  if (sync) assertGeneratorExpert(where, sync.expert);
}
