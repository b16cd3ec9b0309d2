import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ClipStore, parseClipId } from '@lipsync/dataloader';
import { scoreEmbeddings } from '@lipsync/metrics';
import { embedClip } from '../calibration/clip-embeddings';
import type { ClipReading } from './plan-corrections';

export type ReadClipsOptions = {
  /** The set that a video is from, by its path in the prepared folder. */
  groupOf: (source: string) => string;
  /** Ids of the clips. Default: all of the store. */
  clips?: readonly string[];
};

/**
 * Reads the offsets of prepared clips with a network, for `planCorrections`. Clips of fewer than four windows are left
 * out. The expert is borrowed; one clip is held at a time.
 *
 * @throws TypeError where the store's clips cannot feed the expert.
 * @example
 * for await (const { id, windows } of readClips(expert, store, { groupOf: () => 'talk' })) console.log(id, windows);
 */
export async function* readClips(
  expert: SyncExpert,
  store: ClipStore,
  { groupOf, clips }: ReadClipsOptions,
): AsyncGenerator<ClipReading> {
  const { space, embeddingSize: dimension, recipe } = expert;
  if (space === 'joint')
    throw new TypeError('readClips: expert must be a network of embeddings, got one that scores pairs');
  const manifest = await store.manifest();
  const people = new Map(manifest?.clips.map(({ id, identity }) => [id, identity]));
  for (const id of clips ?? (await store.list())) {
    const embedded = await embedClip(expert, store, id);
    if (!embedded || embedded.windows < FEWEST_WINDOWS) continue;
    const { source } = parseClipId(id);
    const { alignment } = scoreEmbeddings(embedded, { space, dimension, fps: recipe.fps });
    yield { id, group: groupOf(source), person: people.get(id) ?? source, windows: embedded.windows, alignment };
  }
}

const FEWEST_WINDOWS = 4;
