import { fail } from '@lipsync/contracts';

/** When and how the sync loss sets in, and what the other losses weigh. */
export type Wav2LipSchedule = {
  /** The sync loss of validation faces below which the sync loss of training sets in. */
  threshold: number;
  /** Its weight from then on. */
  sync: number;
  /** Weight of the quality discriminator, from the start; 0 for none. */
  gan: number;
};

/** Weights of the terms of the generator's loss; they add up to 1. */
export type Wav2LipWeights = { sync: number; gan: number; image: number };

/** Where a schedule stands: plain data, to be stored in a checkpoint. */
export type Wav2LipScheduleState = {
  /** The step whose validation was the first below the threshold; undefined before. */
  switchedAt?: number;
};

/** Wav2Lip without a quality discriminator: from 0 to 0.01, as published. */
export const WAV2LIP_SCHEDULE: Wav2LipSchedule = Object.freeze({ threshold: 0.75, sync: 0.01, gan: 0 });

/** Wav2Lip with the quality discriminator: from 0 to 0.03, and 0.07; as published and in the replication report. */
export const WAV2LIP_GAN_SCHEDULE: Wav2LipSchedule = Object.freeze({ threshold: 0.75, sync: 0.03, gan: 0.07 });

/** The replication report's weights without the quality discriminator. */
export const REPLICATION_SCHEDULE: Wav2LipSchedule = Object.freeze({ threshold: 0.75, sync: 0.03, gan: 0 });

/** LipGAN's weight of the contrastive loss beside an absolute error of weight 1. */
export const LIPGAN_WEIGHT = 0.01;

/**
 * The state after a validation. Once switched, a schedule stays so.
 *
 * Unlike the source, whose weight is a variable of the process and is 0 again after a restart until the next validation,
 * the state is part of a checkpoint: a run that was resumed goes on with the weight that it had.
 *
 * @param state before the validation; not changed.
 * @param validation the step, and the mean sync loss `-ln cos` of generated faces.
 * @throws RangeError for a step that is no whole number from 0, or a loss that is not finite.
 * @example
 * let state: Wav2LipScheduleState = {};
 * state = afterValidation(state, { step: 3000, syncLoss: 0.71 }, WAV2LIP_SCHEDULE); // { switchedAt: 3000 }
 */
export function afterValidation(
  state: Wav2LipScheduleState,
  { step, syncLoss }: { step: number; syncLoss: number },
  { threshold }: Wav2LipSchedule,
): Wav2LipScheduleState {
  if (!(Number.isSafeInteger(step) && step >= 0))
    fail(RangeError, 'afterValidation', 'validation.step', 'a whole number from 0', step);
  if (!Number.isFinite(syncLoss))
    fail(RangeError, 'afterValidation', 'validation.syncLoss', 'a finite number', syncLoss);
  return state.switchedAt === undefined && syncLoss < threshold ? { switchedAt: step } : state;
}

/**
 * The weights of the losses in a state: the sync loss's, the discriminator's, and what they leave for the images.
 *
 * @throws RangeError for weights that are negative or leave nothing for the images.
 * @example
 * wav2lipWeights({ switchedAt: 3000 }, WAV2LIP_GAN_SCHEDULE); // { sync: 0.03, gan: 0.07, image: 0.9 }
 */
export function wav2lipWeights({ switchedAt }: Wav2LipScheduleState, { sync, gan }: Wav2LipSchedule): Wav2LipWeights {
  if (!(sync >= 0 && gan >= 0 && sync + gan < 1))
    fail(RangeError, 'wav2lipWeights', 'schedule', 'of weights from 0 whose sum is below 1', { sync, gan });
  const weight = switchedAt === undefined ? 0 : sync;
  return { sync: weight, gan, image: 1 - weight - gan };
}
