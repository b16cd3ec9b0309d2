import { type ClipStore, parseClipId, splitByList } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';

/** Training clips and held-out clips, by id. `byChance`: drawn at random, so the same people may be on both sides. */
export type TrainingSplit = { train: string[]; held: string[]; byChance: boolean };

/**
 * The split of a store into training and validation clips: by the listed videos; without a list, by people as the
 * preparation split them; where it found none, at random, about a tenth of the videos held out.
 *
 * @param options.heldOut names of videos, without folder and extension.
 * @param options.seed of the random split.
 * @throws Error where a listed video is not in the store.
 * @example
 * import { ClipStore } from '@lipsync/dataloader';
 * import { trainingSplit } from '@lipsync/train';
 * const { train, held } = await trainingSplit(await ClipStore.open('clips'), { seed: 0 });
 */
export async function trainingSplit(
  store: ClipStore,
  { heldOut, seed }: { heldOut?: readonly string[]; seed: number },
): Promise<TrainingSplit> {
  const ids = await store.list();
  if (heldOut) {
    const droppedSources = (await store.dropped()).map((drop) => drop.source);
    const { rest: train, held } = splitByList(ids, heldOut, { droppedSources });
    return { train, held, byChance: false };
  }
  const known = await splitByManifest(store, ids);
  const { rest: train, held } = known ?? splitBySeed(ids, seed);
  return { train, held, byChance: known === undefined };
}

/**
 * At most `limit` ids, evenly spread.
 *
 * @example
 * import { spread } from '@lipsync/train';
 * spread(['a', 'b', 'c', 'd'], 2); // ['a', 'c']
 */
export function spread(ids: readonly string[], limit: number): string[] {
  const every = Math.max(1, Math.floor(ids.length / limit));
  return ids.filter((_, index) => index % every === 0).slice(0, limit);
}

/** The split of the preparation, where it has both sides and covers these clips. */
async function splitByManifest(
  store: ClipStore,
  ids: readonly string[],
): Promise<{ rest: string[]; held: string[] } | undefined> {
  const manifest = await store.manifest();
  if (!manifest?.split || manifest.split.by === 'source') return undefined;
  const sides = new Map(manifest.clips.map(({ id, split }) => [id, split]));
  const on = (side: string) => ids.filter((id) => sides.get(id) === side);
  const [rest, held] = [on('train'), on('validation')];
  return rest.length + held.length === ids.length && rest.length > 0 && held.length > 0 ? { rest, held } : undefined;
}

/** About a tenth of the clips (at least one), whole videos, drawn by the seed. */
function splitBySeed(ids: readonly string[], seed: number): { rest: string[]; held: string[] } {
  const video = (id: string) => parseClipId(id).source;
  const videos = new Random(seed, 0x5eed).shuffle([...new Set(ids.map(video))]);
  const heldVideos = new Set(videos.slice(0, Math.max(1, Math.round(videos.length / 10))));
  return { rest: ids.filter((id) => !heldVideos.has(video(id))), held: ids.filter((id) => heldVideos.has(video(id))) };
}
