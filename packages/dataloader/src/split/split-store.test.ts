import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClipStore } from '../store/clip-store';
import { madeClip, storeRecipe, temporaryFolder } from '../testing/made-clips';
import { splitStore } from './split-store';

let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  store = await ClipStore.create(folder, storeRecipe);
});
afterEach(() => remove());

/** Six videos of three people, two each. */
async function fill(about: (person: number) => { person?: string; faceEmbedding?: Float32Array }): Promise<void> {
  for (let i = 0; i < 6; i++) await store.write({ ...madeClip(`v${i}.mp4.t0.s0`, 6), ...about(i >> 1) });
}
const look = (person: number) => Float32Array.from({ length: 128 }, (_, k) => (k === person ? 1 : 0.01));
const sidesOf = (clips: Record<string, { identity: string; split: string }>) => {
  const sides = new Map<string, Set<string>>();
  for (const { identity, split } of Object.values(clips))
    sides.set(identity, (sides.get(identity) ?? new Set()).add(split));
  return sides;
};

test('labels come first, then faces, then videos; nobody is on both sides', async () => {
  await fill((person) => ({ person: `P${person}`, faceEmbedding: look(person) }));
  const labelled = (await splitStore(store, { validationShare: 0.3, seed: 4 }))!;
  expect(labelled).toMatchObject({ by: 'label', seed: 4, validationShare: 0.3 });
  expect(labelled.clips['v3.mp4.t0.s0'].identity).toBe('P1');
  const sides = sidesOf(labelled.clips);
  expect([...sides.values()].every((found) => found.size === 1)).toBe(true);
  expect(Object.values(labelled.clips).filter(({ split }) => split === 'validation')).toHaveLength(2);

  await fill((person) => ({ faceEmbedding: look(person) }));
  const seen = (await splitStore(await ClipStore.open(folder), { validationShare: 0.3 }))!;
  expect([seen.by, sidesOf(seen.clips).size]).toEqual(['face', 3]);
  expect(seen.clips['v0.mp4.t0.s0'].identity).toBe(seen.clips['v1.mp4.t0.s0'].identity);

  await fill(() => ({}));
  const unknown = (await splitStore(await ClipStore.open(folder)))!;
  expect([unknown.by, sidesOf(unknown.clips).size]).toEqual(['source', 6]);
});

test("a data set's own split is kept where there are both sides, its test part for validation", async () => {
  await fill((person) => ({ person: `P${person}` }));
  const given = (source: string) => (source === 'v5.mp4' ? 'test' : 'train') as 'train' | 'test';
  const { clips } = (await splitStore(store, { publishedSplit: given }))!;
  expect(
    Object.entries(clips)
      .filter(([, { split }]) => split === 'validation')
      .map(([id]) => id),
  ).toEqual(['v5.mp4.t0.s0']);
  const one = (await splitStore(store, { publishedSplit: () => 'train', validationShare: 0.3 }))!;
  expect(Object.values(one.clips).filter(({ split }) => split === 'validation')).toHaveLength(2);
});

test('one person alone is all for training, and no clip is no split', async () => {
  expect(await splitStore(store)).toBeUndefined();
  await fill(() => ({ person: 'P' }));
  expect(Object.values((await splitStore(store))!.clips).every(({ split }) => split === 'train')).toBe(true);
});
