import { clusterFaces } from '@lipsync/face-crop';
import { parseClipId } from '../store/clip-id';
import type { ClipStore, StoreSplit } from '../store/clip-store';
import { splitByIdentity } from './split-by-identity';

export type SplitStoreOptions = {
  /** Share of clips for validation. Default 0.15. */
  validationShare?: number;
  /** Default 0. */
  seed?: number;
  /** What the data set says a video is for, where it does. Default: nothing. */
  given?: (source: string) => 'train' | 'validation' | 'test' | undefined;
};

/**
 * Says who is seen in each clip of a store and which clips are held for validation, nobody on both sides.
 *
 * People are told apart by their labels where every clip has one (`Clip.person`), else by how they look where every clip was looked at
 * (`Clip.identity`, `clusterFaces`), else each video counts as a person of its own, which flatters where somebody appears in several.
 * A data set's own split is kept where all videos have one and there are both sides: its test part counts as validation.
 *
 * @returns undefined for a store without clips.
 * @example
 * await store.finish(await splitStore(store, { validationShare: 0.15, seed: 1 }));
 */
export async function splitStore(
  store: ClipStore,
  { validationShare = 0.15, seed = 0, given }: SplitStoreOptions = {},
): Promise<StoreSplit | undefined> {
  const ids = await store.list();
  if (ids.length === 0) return undefined;
  const people: (string | undefined)[] = [];
  const looks: (Float32Array | undefined)[] = [];
  for (const id of ids) {
    const { person, identity } = await store.open(id);
    people.push(person);
    looks.push(identity && Float32Array.from(identity));
  }
  const [by, names] = await identities(ids, people, looks);
  const clips = ids.map((id, i) => ({ id, identity: names[i] }));
  const said = ids.map((id) => given?.(parseClipId(id).source));
  // A part of a data set alone, such as what it gives for training, is split like any other.
  const whole = said.every((side) => side !== undefined) && new Set(said).size > 1;
  // One person alone cannot be split: all of it is for training.
  const validation =
    whole || new Set(names).size < 2
      ? new Set<string>()
      : new Set(splitByIdentity(clips, { validationShare, seed }).held);
  const sideOf = (id: string, i: number): 'train' | 'validation' => {
    if (whole) return said[i] === 'train' ? 'train' : 'validation';
    return validation.has(id) ? 'validation' : 'train';
  };
  return {
    by,
    seed,
    validationShare,
    clips: Object.fromEntries(clips.map(({ id, identity }, i) => [id, { identity, split: sideOf(id, i) }])),
  };
}

async function identities(
  ids: string[],
  people: (string | undefined)[],
  looks: (Float32Array | undefined)[],
): Promise<[StoreSplit['by'], string[]]> {
  if (people.every((person) => person !== undefined)) return ['label', people as string[]];
  if (looks.every((look) => look !== undefined)) {
    return ['face', clusterFaces(looks as Float32Array[]).map((cluster) => `face ${cluster}`)];
  }
  return ['source', ids.map((id) => parseClipId(id).source)];
}
