import { fail } from '@lipsync/contracts';

export type DinetScheduleOptions = {
  /** Epochs at the full rate. Default 200. */
  constant?: number;
  /** Epochs in which it falls to 0. Default 200. */
  decay?: number;
};

/**
 * The share of the learning rate that an epoch has: `1 - max(0, epoch - constant) / (decay + 1)`, 0 from the end on.
 *
 * Source: MRzzm/DINet's `update_learning_rate`; exact, but that it is not negative after the end. An epoch may be a
 * fraction.
 *
 * @param epoch From 0.
 * @example
 * const { generator } = await trainer.step(batch, { learningRate: 1e-4 * dinetSchedule(epoch) });
 */
export function dinetSchedule(epoch: number, { constant = 200, decay = 200 }: DinetScheduleOptions = {}): number {
  for (const [name, value] of Object.entries({ epoch, constant, decay })) {
    if (!(value >= 0)) fail(RangeError, 'dinetSchedule', name, 'a number from 0', value);
  }
  return Math.max(0, 1 - Math.max(0, epoch - constant) / (decay + 1));
}
