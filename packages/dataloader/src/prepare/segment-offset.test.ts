import { cutMouthWindow } from '@lipsync/sync-windows';
import { expect, test } from 'vitest';
import { madeClip, recipe, storeRecipe } from '../testing/made-clips';
import { GENERAL } from './preparation';
import type { OffsetStage } from './segment-offset';
import { decideOffset, measureSegment, offsetRecord } from './segment-offset';

const reading = (offsetFrames: number, confidence = 1) => ({ offsetFrames, confidence, distance: 1, windows: 20 });
const seen: Float32Array[] = [];
const stage: OffsetStage = {
  expert: 'x',
  recipe,
  async measure(windows) {
    seen.length = 0;
    for await (const { frames } of windows) seen.push(frames);
    return { ...reading(0), windows: seen.length };
  },
};
/** An audio track whose features are as many steps as are asked for. */
const audio = (most = Infinity) => ({
  samples: new Float32Array(0),
  features: (_: string, steps: number) => ({
    data: new Float32Array(Math.min(most, steps) * 80),
    steps: Math.min(most, steps),
    bins: 80,
  }),
});

test('the windows are those that a loader cuts', async () => {
  const clip = madeClip('a.mp4.t0.s0', 20, 9);
  const frames = { crop: storeRecipe.crop, frames: clip.frames, frameCount: 20 };
  expect((await measureSegment(stage, frames, audio()))?.windows).toBe(16);
  for (const start of [0, 7, 15])
    expect(seen[start]).toEqual(cutMouthWindow(clip.frames, start, { stored: storeRecipe.crop, recipe }));
});

test('of a long segment the middle is measured', async () => {
  const clip = madeClip('a.mp4.t0.s0', 40, 9);
  const frames = { crop: storeRecipe.crop, frames: clip.frames, frameCount: 40 };
  expect((await measureSegment({ ...stage, mostWindows: 10 }, frames, audio()))?.windows).toBe(10);
  expect(seen[0]).toEqual(cutMouthWindow(clip.frames, 13, { stored: storeRecipe.crop, recipe }));
});

test('a segment of fewer than two windows is not measured', async () => {
  const clip = madeClip('a.mp4.t0.s0', 20);
  expect(
    await measureSegment(stage, { crop: storeRecipe.crop, frames: clip.frames, frameCount: 20 }, audio(18)),
  ).toBeUndefined();
});

test.each([
  [reading(-4), {}, { delayFrames: -4 }],
  [reading(1), {}, { delayFrames: 0 }],
  [reading(1), { toleratedOffset: 0 }, { delayFrames: 1 }],
  [reading(9), { offset: 'measure' as const }, { delayFrames: 0 }],
  [reading(9, 0.1), { correctionConfidence: 0.2, maxOffset: 5 }, { delayFrames: 0 }],
  [reading(9), { maxOffset: 8 }, { reason: 'offset too large', detail: '9 frames, above 8' }],
  [reading(0, 0.1), { minConfidence: 0.2 }, { reason: 'offset unknown', detail: 'confidence 0.100, below 0.2' }],
])('decideOffset of %o with %o is %o', (found, options, wanted) => {
  expect(decideOffset(found, { ...GENERAL, ...options })).toEqual(wanted);
});

test('offsetRecord leaves out what is not known', () => {
  expect(offsetRecord(stage, reading(3), 0)).toEqual({ expert: 'x', measured: reading(3), corrected: 0 });
  expect(offsetRecord({ ...stage, weightsHash: 'ab' }, reading(3), 3, reading(0))).toMatchObject({
    weightsHash: 'ab',
    after: reading(0),
  });
});
