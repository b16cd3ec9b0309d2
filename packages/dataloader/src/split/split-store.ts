import { clusterFaces } from '@lipsync/face-crop';
import { LAYOUTS, type LayoutName } from '../layouts/layouts';
import { parseClipId } from '../store/clip-id';
import type { ClipStore } from '../store/clip-store';
import type { StoreSplit } from '../store/store-records';
import { splitByIdentity } from './split-by-identity';

export type SplitStoreOptions = {
  /** Share of clips for validation. Default 0.15. */
  validationShare?: number;
  /** Seed of the split. Default 0. */
  seed?: number;
  /** The data set's own split of a video, where it has one. Default: none. */
  publishedSplit?: (source: string) => 'train' | 'validation' | 'test' | undefined;
};

/**
 * Finds out who is seen in each clip of a store and holds whole people for validation, nobody on both sides.
 *
 * People are told apart by their labels where every clip has one (`Clip.person`), else by their faces where every clip
 * has an embedding (`Clip.faceEmbedding`, `clusterFaces`). Otherwise each video counts as a person of its own, which
 * makes validation optimistic where somebody appears in several. A data set's own split is kept where all videos have
 * one and there are both sides: its test part counts as validation.
 *
 * @returns undefined for a store without clips.
 * @example
 * await store.finish(await splitStore(store, { validationShare: 0.15, seed: 1 }));
 */
export async function splitStore(
  store: ClipStore,
  { validationShare = 0.15, seed = 0, publishedSplit }: SplitStoreOptions = {},
): Promise<StoreSplit | undefined> {
  const ids = await store.list();
  if (ids.length === 0) return undefined;
  const people: (string | undefined)[] = [];
  const embeddings: (Float32Array | undefined)[] = [];
  for (const id of ids) {
    const { person, faceEmbedding } = await store.open(id);
    people.push(person);
    embeddings.push(faceEmbedding && Float32Array.from(faceEmbedding));
  }
  const [by, names] = identities(ids, people, embeddings);
  const clips = ids.map((id, i) => ({ id, identity: names[i] }));
  const published = ids.map((id) => publishedSplit?.(parseClipId(id).source));
  // A part of a data set alone, such as what it gives for training, is split like any other.
  const whole = published.every((side) => side !== undefined) && new Set(published).size > 1;
  // One person alone cannot be split: all clips are for training.
  const alone = new Set(names).size < 2;
  const held = whole || alone ? [] : splitByIdentity(clips, { validationShare, seed }).held;
  const validation = new Set(held);
  const sideOf = (id: string, i: number): 'train' | 'validation' => {
    if (whole) return published[i] === 'train' ? 'train' : 'validation';
    return validation.has(id) ? 'validation' : 'train';
  };
  return {
    by,
    seed,
    validationShare,
    clips: Object.fromEntries(clips.map(({ id, identity }, i) => [id, { identity, split: sideOf(id, i) }])),
  };
}

/** Options of `splitStore` for a folder in a layout: with the data set's own split where the layout has one. */
export function splitOptions(
  { validationShare, seed }: Pick<SplitStoreOptions, 'validationShare' | 'seed'>,
  layout: LayoutName,
): SplitStoreOptions {
  return { validationShare, seed, publishedSplit: (source) => LAYOUTS[layout].describe(source).split };
}

function identities(
  ids: readonly string[],
  people: readonly (string | undefined)[],
  embeddings: readonly (Float32Array | undefined)[],
): [StoreSplit['by'], string[]] {
  const labels = people.filter((person) => person !== undefined);
  if (labels.length === ids.length) return ['label', labels];
  const faces = embeddings.filter((embedding) => embedding !== undefined);
  if (faces.length === ids.length) return ['face', clusterFaces(faces).map((cluster) => `face ${cluster}`)];
  return ['source', ids.map((id) => parseClipId(id).source)];
}
