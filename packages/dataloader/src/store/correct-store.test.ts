import { afterAll, beforeAll, expect, test } from 'vitest';
import { madeClip, storeRecipe, temporaryFolder } from '../testing/made-clips';
import { ClipStore } from './clip-store';
import { correctStore } from './correct-store';

let [folder, remove] = ['', async () => {}];
let from: ClipStore;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  from = await ClipStore.create(`${folder}/from`, { ...storeRecipe, bins: 80 }, {});
  for (const c of [0, 1, 2]) {
    const features = { data: new Float32Array(97 * 80), steps: 97, bins: 80 };
    const measured = { offsetFrames: 0, confidence: 0.1, distance: 1, windows: 20 };
    const offset = { expert: 'a network', measured, corrected: c };
    await from.write({ ...madeClip(`c${c}.mp4.t0.s0`, 30, c), features, offset });
    await from.finishSource({ source: `c${c}.mp4`, clips: [`c${c}.mp4.t0.s0`], dropped: [] });
  }
  const clips = Object.fromEntries(
    [0, 1, 2].map((c) => [`c${c}.mp4.t0.s0`, { identity: `p${c}`, split: c === 2 ? 'validation' : 'train' } as const]),
  );
  await from.finish({ by: 'label', seed: 0, validationShare: 0.3, clips });
});
afterAll(() => remove());

test('correctStore moves audio by fractions of a frame, leaves clips out, and keeps people and split', async () => {
  const corrections = {
    'c0.mp4.t0.s0': { delayFrames: 0.5 },
    'c1.mp4.t0.s0': { drop: { reason: 'offset unknown' as const, detail: 'a test' } },
    'c2.mp4.t0.s0': { delayFrames: -0.25 },
  };
  const { moved, left } = await correctStore(from, `${folder}/into`, { corrections });
  expect([moved, left]).toEqual([2, 1]);
  const store = await ClipStore.open(`${folder}/into`);
  expect(await store.list()).toEqual(['c0.mp4.t0.s0', 'c2.mp4.t0.s0']);
  const [first, other] = [await store.read('c0.mp4.t0.s0'), await store.read('c2.mp4.t0.s0')];
  // Sample i of the made audio is i % 1000; half a frame is 320 samples.
  expect([first.audio[319], first.audio[320], first.audio[321], first.audio[1319]]).toEqual([0, 0, 1, 999]);
  expect([other.audio[0], other.audio.length]).toEqual([160, 30 * 640 - 160]);
  expect([first.offset?.corrected, other.offset?.corrected]).toEqual([0.5, 1.75]);
  expect(first.frames).toEqual((await from.read('c0.mp4.t0.s0')).frames);
  expect((await store.manifest())?.clips.map(({ identity, split }) => [identity, split])).toEqual([
    ['p0', 'train'],
    ['p2', 'validation'],
  ]);
  expect((await store.dropped()).map(({ source, reason }) => [source, reason])).toEqual([['c1.mp4', 'offset unknown']]);
});

test('correctStore refuses unknown clips and moves that are no correction', async () => {
  const correct = (corrections: Record<string, { delayFrames: number }>) =>
    correctStore(from, `${folder}/never`, { corrections });
  await expect(correct({ 'x.mp4.t0.s0': { delayFrames: 1 } })).rejects.toThrow(
    'corrections must be of clips in the store',
  );
  await expect(correct({ 'c0.mp4.t0.s0': { delayFrames: 16 } })).rejects.toThrow('must be -15 to 15, got 16');
});
