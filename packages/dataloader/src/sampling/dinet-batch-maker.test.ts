import { expect, test } from 'vitest';
import { ClipStore } from '../store/clip-store';
import { madeClip, storeRecipe, temporaryFolder } from '../testing/made-clips';
import { DinetBatchMaker } from './dinet-batch-maker';

const options = {
  batchSize: 4,
  frameCount: 2,
  referenceCount: 3,
  audioFrames: 5,
  features: 'mel' as const,
  seed: 1,
  exclude: [],
};

test('the plain batch is a function of options and step, and clips whose audio ends early are cut there', async () => {
  const { folder, remove } = await temporaryFolder();
  const store = await ClipStore.create(folder, { ...storeRecipe, crop: { kind: 'dinet head', mouth: 8 } });
  const size = { height: 13, width: 10 };
  const frames = new Uint8Array(40 * 13 * 10 * 3);
  await store.write({ ...madeClip('a.mp4.t0.s0', 40, 0, 33), ...size, frames }); // audio for ten frames
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
  await expect(new DinetBatchMaker(store, { ...options, frameCount: 9 }).make(0)).rejects.toThrow(
    'clips must be at least 1 long enough, got 0 of 1',
  );
  await remove();
});

test('logits give one row per frame, and clips end where their logits do', async () => {
  const { folder, remove } = await temporaryFolder();
  const store = await ClipStore.create(folder, { ...storeRecipe, crop: { kind: 'dinet head', mouth: 8 } });
  const clip = { ...madeClip('a.mp4.t0.s0', 30), height: 13, width: 10, frames: new Uint8Array(30 * 13 * 10 * 3) };
  // Row r, column c is 100 r + c.
  const logits = {
    data: Float32Array.from({ length: 20 * 29 }, (_, i) => 100 * Math.floor(i / 29) + (i % 29)),
    steps: 20,
    bins: 29,
  };
  await store.write({ ...clip, logits });
  const maker = new DinetBatchMaker(store, { ...options, features: 'logits' });
  expect([maker.featureShape, (await maker.index()).counts]).toEqual([{ bins: 29, steps: 5 }, [20]]);
  const featureWindows = await new DinetBatchMaker(store, options).make(1);
  expect(featureWindows.syncLogits).toBeUndefined();
  const { samples, features: audio, syncFeatures: syncAudio, syncLogits } = await maker.make(1);
  expect([audio.length, syncLogits!.length, syncAudio.length]).toEqual([
    8 * 29 * 5,
    4 * 29 * 6,
    featureWindows.syncFeatures.length,
  ]);
  samples.forEach(({ start }, row) => {
    for (const [bin, step] of [
      [0, 0],
      [28, 4],
      [7, 2],
    ]) {
      for (const t of [0, 1])
        expect(audio[((row * 2 + t) * 29 + bin) * 5 + step]).toBe(100 * (start + t - 2 + step) + bin);
    }
    for (let step = 0; step < 6; step++)
      expect(syncLogits![(row * 29 + 3) * 6 + step]).toBe(100 * (start - 2 + step) + 3);
  });
  await store.write({ ...clip, id: 'b.mp4.t0.s0' });
  await expect(new DinetBatchMaker(store, { ...options, features: 'logits' }).make(0)).rejects.toThrow(
    "DinetBatchMaker: clip must be with logits where features are 'logits' (none were prepared), got b.mp4.t0.s0",
  );
  await remove();
});
