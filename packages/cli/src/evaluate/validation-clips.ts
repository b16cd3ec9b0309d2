import type { ClipStore } from '@lipsync/dataloader';
import { spread, trainingSplit } from '@lipsync/train';
import { log } from '../terminal/output';
import { readList } from '../terminal/read-files';

/**
 * The clips to evaluate on: the validation side of the store's split, or the clips of the listed videos.
 *
 * Logs a warning where the split is random: a network that was trained on this store with another seed has seen these
 * faces.
 */
export async function validationClips(
  store: ClipStore,
  { heldOut, seed, maxClips }: { heldOut?: string; seed: number; maxClips?: number },
): Promise<{ clips: string[] }> {
  const split = await trainingSplit(store, {
    heldOut: heldOut === undefined ? undefined : await readList(heldOut),
    seed,
  });
  if (split.byChance)
    log('warning: random split: a network that was trained on these clips with another seed has seen these faces');
  return { clips: maxClips === undefined ? split.held : spread(split.held, maxClips) };
}
