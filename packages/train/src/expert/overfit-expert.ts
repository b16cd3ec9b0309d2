import { SyncLoader } from '@lipsync/dataloader';
import { startTrainer } from '../replicas/start-trainer';
import { assertCounts } from '../run/run';
import { trainingSplit } from '../run/training-split';
import { assertEnoughClips, planTraining, type TrainingPlanOptions } from './training-plan';

export type OverfitExpertOptions = TrainingPlanOptions & {
  /** Steps on the batch. Default 60. */
  overfitSteps?: number;
  /** Gets the loss of each step. */
  onStep?: (step: number, loss: number) => void;
};

/** How the loss of one batch fell. */
export type OverfitReport = {
  steps: number;
  /** Windows or pairs in the batch. */
  batch: number;
  learningRate: number;
  /** Mean of the first and of the last three losses. */
  first: number;
  last: number;
  /** Whether the last is at most half of the first. */
  falls: boolean;
};

/** A rate at which every network here learns a batch in some dozens of steps; presets may have lower ones. */
const LEARNING_RATE = 1e-3;
const ENDS = 3;
const AT_MOST = 0.5;

/**
 * Trains on one batch again and again, without augmentation: the quickest test of data, network and loss together.
 * A network that can be trained at all overfits one batch; where its loss does not fall, frames and audio do not
 * belong together, or gradients do not arrive. Writes nothing.
 *
 * @throws as `trainExpert` where clips and network do not fit each other.
 * @example
 * import { ClipStore } from '@lipsync/dataloader';
 * import { overfitExpert } from '@lipsync/train';
 * const { falls, first, last } = await overfitExpert({ store: await ClipStore.open('clips') });
 */
export async function overfitExpert({
  overfitSteps: steps = 60,
  onStep,
  ...options
}: OverfitExpertOptions): Promise<OverfitReport> {
  assertCounts('overfitExpert', { overfitSteps: steps });
  const { choice, recipe, sampling, presetName, batch } = planTraining(options);
  const { store, seed = 0, chunk } = options;
  const learningRate = options.learningRate ?? LEARNING_RATE;
  const { train } = await trainingSplit(store, { heldOut: options.heldOut, seed });
  const loader = new SyncLoader(store, recipe, { sampling, augment: null, clips: train, seed });
  const batches = loader.plainFrom(0);
  try {
    assertEnoughClips(sampling, await loader.summary());
    const trainer = await startTrainer({ choice, preset: presetName, seed, learningRate, chunk }, { rows: batch });
    const losses: number[] = [];
    try {
      const { value } = await batches.next();
      for (let step = 1; step <= steps; step++) {
        const { loss } = await trainer.step(value, { learningRate, progress: 0 });
        losses.push(loss);
        onStep?.(step, loss);
      }
    } finally {
      await trainer.dispose();
    }
    const [first, last] = [meanOf(losses.slice(0, ENDS)), meanOf(losses.slice(-ENDS))];
    return { steps, batch, learningRate, first, last, falls: last <= AT_MOST * first };
  } finally {
    await batches.return(undefined);
    loader.dispose();
  }
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
