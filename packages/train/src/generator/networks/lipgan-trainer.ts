import { fail } from '@lipsync/contracts';
import { absoluteError, LIPGAN_WEIGHT, type LipGanDiscriminator, lipganContrastiveLoss } from '@lipsync/wav2lip';
import * as tf from '@tensorflow/tfjs-core';
import { LossTerms } from '../generator-terms';
import { type GeneratorRates, GeneratorTrainer, type TrainedGenerator } from '../generator-trainer';
import { assertTrainBatch, type GeneratorTrainBatch } from '../train-batch';

/** Networks and rates of a `LipGanTrainer`. */
export type LipGanTrainerOptions = Omit<GeneratorRates, 'betas' | 'weightDecay'> & {
  generator: TrainedGenerator;
  /** How far a face is from its audio; learns with the generator. */
  discriminator: LipGanDiscriminator;
  /** Of the contrastive loss, beside an absolute error of weight 1. Default 0.01, as published. */
  contrast?: number;
};

/**
 * Trains a generator as LipGAN does: its discriminator learns true faces with their audio as in sync, true faces with
 * other audio and generated faces as out of sync; the generator takes a step on `|generated - real| + 0.01 d²`, d the
 * distance of its faces from their audio.
 *
 * The other audio is that of the next row; in a batch of one row that of a frame half a row away. Adam at 1e-4.
 *
 * Source: LipGAN as the replication report and its published weights of the losses describe it; the step is ours.
 *
 * Takes the networks over.
 *
 * @throws TypeError or RangeError for options that cannot work.
 * @example
 * import { LipGanTrainer } from '@lipsync/train';
 * import { LITE_WAV2LIP, LipGanDiscriminator, Wav2LipGenerator } from '@lipsync/wav2lip';
 * const trainer = new LipGanTrainer({
 *   generator: new Wav2LipGenerator(LITE_WAV2LIP, { seed: 0 }),
 *   discriminator: new LipGanDiscriminator({ width: 0.25, seed: 1 }),
 * });
 * const { gan } = await trainer.step({ real, masked, references, audio, frameCount: 1 });
 */
export class LipGanTrainer extends GeneratorTrainer {
  constructor(options: LipGanTrainerOptions) {
    const where = 'LipGanTrainer';
    const { generator, discriminator, contrast = LIPGAN_WEIGHT } = options;
    if (!(contrast > 0 && Number.isFinite(contrast))) fail(RangeError, where, 'contrast', 'a number above 0', contrast);
    super(
      generator,
      {
        where,
        discriminators: [
          {
            part: 'frame_discriminator',
            net: discriminator,
            loss: (batch, generated) => discriminatorLoss(discriminator, batch, generated),
          },
        ],
        trainsDiscriminators: () => true,
        first: 'discriminators',
        terms({ real, audio }, generated) {
          const terms = new LossTerms();
          terms.add('gan', contrast, () => lipganContrastiveLoss(discriminator.forward(generated, audio), 'in sync'));
          terms.add('image', 1, () => absoluteError(real, generated));
          return terms.list;
        },
        assertBatch(batch) {
          assertTrainBatch(`${where}.step`, batch, { sync: false });
          if (batch.real.shape[0] < 2)
            fail(
              RangeError,
              `${where}.step`,
              'batch',
              'of at least two frames, so that there is other audio',
              batch.real.shape[0],
            );
        },
      },
      { weightDecay: 0, ...options },
    );
  }
}

function discriminatorLoss(
  discriminator: LipGanDiscriminator,
  { real, audio, frameCount }: GeneratorTrainBatch,
  generated: tf.Tensor4D,
): tf.Scalar {
  return tf.tidy(() => {
    const near = lipganContrastiveLoss(discriminator.forward(real, audio), 'in sync');
    const far = lipganContrastiveLoss(discriminator.forward(real, otherAudio(audio, frameCount)), 'out of sync');
    const made = lipganContrastiveLoss(discriminator.forward(generated, audio), 'out of sync');
    return tf.addN([near, far, made]) as tf.Scalar;
  });
}

/** The audio of the next row, the first row's for the last; of one row, that of half a row away. */
function otherAudio(audio: tf.Tensor3D, frameCount: number): tf.Tensor3D {
  const [count] = audio.shape;
  const by = count > frameCount ? frameCount : Math.ceil(count / 2);
  return tf.concat([tf.slice(audio, [by, 0, 0]), tf.slice(audio, [0, 0, 0], [by, -1, -1])], 0);
}
