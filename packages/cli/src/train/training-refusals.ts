import type { ClipStore } from '@lipsync/dataloader';
import { assertTrainable, TRAINED_NETWORKS } from '@lipsync/train';
import { asUsageError } from '../terminal/usage-of';

/** Flags of `lipsync train` that its refusals speak of. */
const FLAGS = ['--clips-per-batch'];

/**
 * What `lipsync train` with its defaults would refuse of these clips, in words that name its options: by the first
 * network that takes such clips; none where it would train, and for clips of generators.
 */
export async function trainingRefusals(store: ClipStore): Promise<string[]> {
  if (store.recipe.crop.kind === 'dinet head') return [];
  for (const network of TRAINED_NETWORKS) {
    try {
      await assertTrainable({ store, network });
      return [];
    } catch (error) {
      if (error instanceof TypeError) continue; // clips for another network
      const { message } = asUsageError(error, FLAGS) ?? (error as Error);
      return [`lipsync train will refuse these clips: ${message}`];
    }
  }
  return [];
}
