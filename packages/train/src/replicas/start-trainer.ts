import { buildNetwork, type TrainedNetwork } from '../expert/trained-network';
import { LocalTrainer, type Trainer, type TrainerSetup } from '../step/expert-trainer';
import { ReplicaTrainer } from './replica-trainer';

export type StartTrainerOptions = {
  /** Windows of a batch. */
  rows: number;
  /** Threads that share each batch, at most `rows`. Default 1: this thread, on the backend that is set. */
  replicas?: number;
  /** A network like the one that is trained, where there is one: its sizes are looked up. */
  network?: TrainedNetwork;
};

/**
 * What takes the steps of a run: a trainer in this thread, or copies of the network in several (Node).
 *
 * The caller disposes it.
 *
 * @throws RangeError if there are more replicas than windows; Error where a thread does not start.
 * @example
 * const setup = { choice: {}, preset: 'contrast', seed: 0, learningRate: 1.5e-3 } as const;
 * const trainer = await startTrainer(setup, { rows: 72, replicas: 2 });
 * const { loss } = await trainer.step(batch, { learningRate: 1.5e-3, progress: 0 });
 */
export async function startTrainer(
  setup: TrainerSetup,
  { rows, replicas = 1, network }: StartTrainerOptions,
): Promise<Trainer> {
  if (replicas === 1) return new LocalTrainer(setup);
  const like = network ?? buildNetwork(setup.choice, setup.seed);
  const sizes = { embeddingSize: like.embeddingSize, parameters: like.parameterCount() };
  if (!network) like.dispose();
  return ReplicaTrainer.start({ setup, count: replicas, rows, network: sizes });
}
