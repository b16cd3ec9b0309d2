import { fail } from '@lipsync/contracts';

export type CosineScheduleOptions = {
  /** Highest learning rate, reached after the warm-up. */
  base: number;
  /** Steps of linear increase from 0. Default 0. */
  warmupSteps?: number;
  /** Step at which the floor is reached. */
  totalSteps: number;
  /** Lowest learning rate at and after `totalSteps`. Default 0. */
  floor?: number;
};

/**
 * A learning rate that rises linearly, then falls along half a cosine.
 *
 * Step s from 0: `base · (s + 1) / warmupSteps` while `s < warmupSteps`, then
 * `floor + (base - floor) · (1 + cos(π · (s - warmupSteps) / (totalSteps - warmupSteps))) / 2`, `floor` at the end.
 *
 * @returns the learning rate as a function of the step.
 * @throws RangeError if the warm-up is not shorter than `totalSteps`.
 * @example
 * const rate = cosineSchedule({ base: 1e-3, warmupSteps: 100, totalSteps: 1000 });
 * optimizer.learningRate = rate(step);
 */
export function cosineSchedule({
  base,
  warmupSteps = 0,
  totalSteps,
  floor = 0,
}: CosineScheduleOptions): (step: number) => number {
  if (!(totalSteps > 0)) fail(RangeError, 'cosineSchedule', 'totalSteps', 'above 0', totalSteps);
  if (!(warmupSteps >= 0 && warmupSteps < totalSteps)) {
    fail(RangeError, 'cosineSchedule', 'warmupSteps', `at least 0 and below totalSteps (${totalSteps})`, warmupSteps);
  }
  return (step) => {
    if (step < warmupSteps) return (base * (step + 1)) / warmupSteps;
    const progress = Math.min(1, (step - warmupSteps) / (totalSteps - warmupSteps));
    return floor + ((base - floor) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}
