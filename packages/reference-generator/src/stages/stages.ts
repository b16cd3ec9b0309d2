import { fail } from '@lipsync/contracts';

/** The factor of each term of the generator's loss; 0 leaves the term out. */
export type ReferenceWeights = {
  /** `maskedL1`. */
  l1: number;
  /** `vggPerceptual`. */
  perceptual: number;
  /** `expertLoss`. */
  expert: number;
  /** `maskLoss`. */
  mask: number;
  /** `adversarialLoss`; with 0 there is no discriminator. */
  adversarial: number;
};

/** The weights of each stage, as published: the first without a discriminator, the second with it. */
export const REFERENCE_STAGES: Readonly<Record<'first' | 'second', Readonly<ReferenceWeights>>> = Object.freeze({
  first: Object.freeze({ l1: 1, perceptual: 0.5, expert: 0.01, mask: 1, adversarial: 0 }),
  second: Object.freeze({ l1: 1, perceptual: 0.5, expert: 0.1, mask: 1, adversarial: 0.01 }),
});

/** Figures of a validation, and the bounds below which the expert is switched on. */
export type ExpertSwitch = { l1: number; perceptual: number };

/**
 * The published bounds. They depend on the scale of the losses, which is not published: by `maskedL1`, of images in 0..1
 * and at most 3, the first is no bound for a network that was trained at all.
 */
export const EXPERT_SWITCH: Readonly<ExpertSwitch> = Object.freeze({ l1: 1.1, perceptual: 27 });

/**
 * Whether the loss by the expert is due in the first stage: from the first validation on whose figures are both below the
 * bounds. In the second stage it is always on.
 *
 * An expert that judges before there are mouths leads the network astray. What was switched on stays on: keep the answer
 * with the run's state.
 *
 * @param found `perceptual` is NaN where there is no such loss; then `l1` alone decides.
 * @throws RangeError for a figure that is not a number.
 * @example
 * if (isExpertDue({ l1: 0.2, perceptual: 25 })) console.log('switched on');
 */
export function isExpertDue(found: ExpertSwitch, bounds: Readonly<ExpertSwitch> = EXPERT_SWITCH): boolean {
  if (Number.isNaN(found.l1)) fail(RangeError, 'isExpertDue', 'found.l1', 'a number', found.l1);
  return found.l1 < bounds.l1 && (Number.isNaN(found.perceptual) || found.perceptual < bounds.perceptual);
}

/** Options of `stageRate`. */
export type StageRateOptions = {
  /** Steps taken. */
  step: number;
  /** Steps of the stage. */
  steps: number;
  /** Default 2e-4, as published for both networks. */
  learningRate?: number;
  /** Share of the stage, at its end, in which the rate falls to 0. Published without a length; default 0.25. */
  annealed?: number;
};

/**
 * The learning rate of a step: constant, then falling linearly to 0 at the end of the stage.
 *
 * @throws RangeError for a share outside 0..1 or a step outside the stage.
 * @example
 * stageRate({ step: 875, steps: 1000 }); // 1e-4
 */
export function stageRate({ step, steps, learningRate = 2e-4, annealed = 0.25 }: StageRateOptions): number {
  if (!(annealed >= 0 && annealed <= 1)) fail(RangeError, 'stageRate', 'annealed', 'from 0 to 1', annealed);
  if (!(steps > 0)) fail(RangeError, 'stageRate', 'steps', 'above 0', steps);
  if (!(step >= 0 && step <= steps)) fail(RangeError, 'stageRate', 'step', `from 0 to ${steps}`, step);
  const left = 1 - step / steps;
  return annealed === 0 ? learningRate : learningRate * Math.min(1, left / annealed);
}
