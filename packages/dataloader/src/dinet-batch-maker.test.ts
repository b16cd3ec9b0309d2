import { expect, test } from 'vitest';
import { madeClip, storeRecipe, temporaryFolder } from '../fixtures/made-clips';
import { ClipStore } from './clip-store';
import { DinetBatchMaker } from './dinet-batch-maker';

const options = { batch: 4, frames: 2, references: 3, audioFrames: 5, seed: 1, exclude: [] };

test('the plain batch is a function of options and step, and clips whose sound ends early are cut there', async () => {
  const { folder, remove } = await temporaryFolder();
  const store = await ClipStore.create(folder, { ...storeRecipe, crop: { kind: 'dinet head', mouth: 8 } });
  const size = { height: 13, width: 10 };
  const frames = new Uint8Array(40 * 13 * 10 * 3);
  await store.write({ ...madeClip('a.mp4.t0.s0', 40, 0, 33), ...size, frames }); // sound for ten pictures
  const maker = new DinetBatchMaker(store, options);
  expect((await maker.index()).counts).toEqual([10]);
  const [one, again] = [await maker.make(3), await new DinetBatchMaker(store, options).make(3)];
  expect(one).toEqual(again);
  for (const { start, references } of one.samples) {
    expect(start).toBeGreaterThanOrEqual(2);
    expect(start + 2 + 2).toBeLessThanOrEqual(10);
    for (const frame of references.flat()) expect(frame < start || (frame >= start + 2 && frame < 10)).toBe(true);
  }
  await expect(maker.make(-1)).rejects.toThrow('DinetBatchMaker: step must be a whole number, 0 or more, got -1');
  await expect(new DinetBatchMaker(store, { ...options, frames: 9 }).make(0)).rejects.toThrow('clips must be at least 1 long enough, got 0 of 1');
  await remove();
});
