import type { ClipStore } from '@lipsync/dataloader';
import { expect, test } from 'vitest';
import { spread, trainingSplit } from './training-split';

const ids = ['a.mp4.t0.s0', 'a.mp4.t0.s1', 'b.mp4.t0.s0', 'c.mp4.t0.s0'];
const storeOf = (split?: Record<string, string>) =>
  ({
    list: async () => ids,
    dropped: async () => [],
    manifest: async () =>
      split ? { split: { by: 'face' }, clips: ids.map((id) => ({ id, split: split[id] })) } : undefined,
  }) as unknown as ClipStore;

test('trainingSplit holds out the listed videos', async () => {
  expect(await trainingSplit(storeOf(), { heldOut: ['a'], seed: 0 })).toEqual({
    train: ids.slice(2),
    held: ids.slice(0, 2),
    byChance: false,
  });
});

test('trainingSplit takes the split of the preparation', async () => {
  const split = { [ids[0]]: 'train', [ids[1]]: 'train', [ids[2]]: 'validation', [ids[3]]: 'train' };
  expect(await trainingSplit(storeOf(split), { seed: 0 })).toEqual({
    train: [ids[0], ids[1], ids[3]],
    held: [ids[2]],
    byChance: false,
  });
});

test('trainingSplit draws whole videos by the seed where there is neither a list nor a split', async () => {
  const { train, held, byChance } = await trainingSplit(storeOf(), { seed: 3 });
  expect(byChance).toBe(true);
  expect([...train, ...held].sort()).toEqual(ids);
  const videos = (list: string[]) => new Set(list.map((id) => id.split('.')[0]));
  expect([...videos(train)].some((video) => videos(held).has(video))).toBe(false);
  expect(await trainingSplit(storeOf(), { seed: 3 })).toEqual({ train, held, byChance });
});

test('spread takes at most as many, evenly', () => {
  expect(spread(['a', 'b', 'c', 'd', 'e', 'f'], 3)).toEqual(['a', 'c', 'e']);
  expect(spread(['a'], 3)).toEqual(['a']);
});
