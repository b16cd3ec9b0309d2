import { cutMouthWindow } from '@lipsync/sync-windows';
import { expect, test } from 'vitest';
import type { OffsetReading, OffsetVerdict } from '../store/clip';
import { madeClip, recipe, storeRecipe } from '../testing/made-clips';
import { GENERAL } from './preparation';
import type { OffsetStage } from './segment-offset';
import { decideOffset, measureSegment, offsetOf, offsetRecord } from './segment-offset';

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

const told = (offsetFrames: number | null, more: Partial<OffsetVerdict> = {}): OffsetReading => ({
  ...reading(7),
  verdict: {
    answer:
      offsetFrames === null ? 'cannot tell' : offsetFrames === 0 ? 'in sync' : offsetFrames > 0 ? 'early' : 'late',
    reason: offsetFrames === null ? 'no match' : 'found',
    sentence: 'why',
    confidence: offsetFrames === null ? 0.01 : 0.98,
    offsetFrames,
    likeliestFrames: offsetFrames ?? 9,
    zScore: 3,
    ...more,
  },
});
const unknown = { reason: 'offset unknown', detail: 'why' };

test.each<[string, OffsetReading, object, object]>([
  ['an offset that is found moves the audio', told(-4), {}, { delayFrames: -4 }],
  ['a tolerated one does not', told(1), {}, { delayFrames: 0 }],
  ['one that is too far drops the clip', told(-31), {}, { reason: 'offset too large', detail: '-31 frames, above 15' }],
  ['where nothing matches the clip is dropped', told(null), {}, unknown],
  ['and kept, unmoved, where it nearly matches', told(null, { confidence: 0.8 }), {}, { delayFrames: 0 }],
  ['or where it seems to be in place', told(null, { likeliestFrames: -2, confidence: 0.7 }), {}, { delayFrames: 0 }],
  ['but not three frames away', told(null, { likeliestFrames: -3, confidence: 0.7 }), {}, unknown],
  ['but not by chance', told(null, { likeliestFrames: 0, confidence: 0.6 }), {}, unknown],
  [
    'an offset that is not sure enough to move the audio drops the clip',
    told(-4, { confidence: 0.96 }),
    {},
    { reason: 'offset unknown', detail: '-4 frames at a confidence of 0.960, below 0.97' },
  ],
  ['unless less is enough', told(-4, { confidence: 0.96 }), { moveConfidence: 0.9 }, { delayFrames: -4 }],
  ['without a calibration it moves the audio', told(-4, { confidence: null }), {}, { delayFrames: -4 }],
  ['a photograph is dropped', told(null, { reason: 'still picture', confidence: 0, likeliestFrames: 0 }), {}, unknown],
  ['what is too short to tell is kept', told(null, { reason: 'too short', confidence: 0 }), {}, { delayFrames: 0 }],
  ['a higher bar is an option', told(null, { confidence: 0.85 }), { keepConfidence: 0.9 }, unknown],
  [
    'a lower one counts in place, too',
    told(null, { likeliestFrames: 0, confidence: 0.5 }),
    { keepConfidence: 0.4 },
    { delayFrames: 0 },
  ],
  [
    'an offset that changes drops the clip',
    told(null, { reason: 'offset changes' }),
    {},
    { reason: 'offset changes', detail: 'why' },
  ],
  ['measuring alone keeps all', told(null), { offset: 'measure' as const }, { delayFrames: 0 }],
  [
    'without a calibration, noise decides',
    told(null, { confidence: null, likeliestFrames: 0 }),
    {},
    { delayFrames: 0 },
  ],
  [
    'a photograph is dropped without a calibration, too',
    told(null, { reason: 'still picture', confidence: null, likeliestFrames: 0 }),
    {},
    unknown,
  ],
  ['and elsewhere drops', told(null, { confidence: null }), {}, unknown],
  ['by LSE-C the verdict does not count', told(-4), { offsetRule: 'lse-c' as const }, { delayFrames: 7 }],
])('by the verdict: %s', (_, found, options, wanted) => {
  expect(decideOffset(found, { ...GENERAL, ...options })).toEqual(wanted);
});

test('offsetOf is the offset that the preparation goes by', () => {
  expect(offsetOf(told(-4), GENERAL)).toBe(-4);
  expect(offsetOf(told(null), GENERAL)).toBe(7);
  expect(offsetOf(told(-4), { ...GENERAL, offsetRule: 'lse-c' })).toBe(7);
});

test('offsetRecord leaves out what is not known', () => {
  expect(offsetRecord(stage, reading(3), 0)).toEqual({ expert: 'x', measured: reading(3), corrected: 0 });
  expect(offsetRecord({ ...stage, weightsHash: 'ab' }, reading(3), 3, reading(0))).toMatchObject({
    weightsHash: 'ab',
    after: reading(0),
  });
});
