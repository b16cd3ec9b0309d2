import { type ClipStore, parseClipId, splitByList } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';

/** Clips to learn from and clips to validate on, by id. `byChance`: nobody said which belong together, so people may be on both sides. */
export type TrainingSplit = { train: string[]; held: string[]; byChance: boolean };

/**
 * Which clips a run learns from: all but the listed videos; without a list as the preparation split them by people; where it found none, by
 * chance, about a tenth of the videos held out.
 *
 * @param options.heldOut Names of videos, without folder and extension.
 * @throws Error where a listed video is not in the store.
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

/** At most `limit` of them, evenly spread. */
export function spread(ids: readonly string[], limit: number): string[] {
  const every = Math.max(1, Math.floor(ids.length / limit));
  return ids.filter((_, index) => index % every === 0).slice(0, limit);
}

/** The split that a preparation ended with, where it has both sides and knows these clips. */
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
