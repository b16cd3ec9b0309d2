import type { SyncVerdict } from '@lipsync/metrics';
import type { FaceScore, VideoScore } from '@lipsync/score';
import { expect, test } from 'vitest';
import { planFix, whyNotFixed } from './fix-plan';

const face = (offsetFrames: number | null, more: Partial<SyncVerdict> = {}, place: string | null = null): FaceScore => {
  const sentence = offsetFrames === null ? 'cannot tell: no offset matches' : `offset ${offsetFrames}`;
  const verdict = {
    offsetFrames,
    offsetSec: offsetFrames === null ? null : offsetFrames / 25,
    confidence: 0.99,
    drift: null,
    ...more,
  };
  return { track: 0, place, sentence, verdict } as FaceScore;
};
const video = (...faces: FaceScore[]) => ({ file: 'a.mp4', faces, problems: ['no face: in 40 frames'] }) as VideoScore;
const drift = { fromSec: 2, toSec: 8, fromFrames: 1, toFrames: 5 };

test('planFix shifts by the offset of the face that is surest; faces without an answer do not count', () => {
  expect(planFix(video(face(3)))).toMatchObject({ kind: 'shift', offsetFrames: 3, offsetSec: 0.12 });
  expect(planFix(video(face(null), face(-4, { confidence: 0.95 }), face(-5)))).toMatchObject({ offsetFrames: -5 });
  expect(planFix(video(face(0)))).toEqual({ kind: 'in sync' });
});

test.each<[string, VideoScore, string]>([
  ['no face', video(), 'no face: in 40 frames'],
  ['no answer', video(face(null)), 'cannot tell: no offset matches'],
  [
    'an offset that changes',
    video({ ...face(null, { reason: 'offset changes' }), sentence: 'the offset changes: …' }),
    'one shift does not put it right: the offset changes: …',
  ],
  [
    'a drift',
    video(face(3, { drift })),
    'one shift does not put it right: the offset drifts from 1 frames at 2.0 s to 5 frames at 8.0 s',
  ],
  [
    'faces that differ',
    video(face(3, {}, 'left face'), face(-1, { confidence: 0.95 }, 'right face')),
    'the faces differ: left face: offset 3; right face: offset -1',
  ],
  ['a network without a calibration', video(face(3, { confidence: null })), 'the network is not calibrated'],
  [
    'a low confidence',
    video(face(3, { confidence: 0.85 })),
    'offset 3, but the confidence is 0.85, below 0.9 (--min-confidence)',
  ],
  ['a low confidence in sync', video(face(0, { confidence: 0.85 })), 'offset 0, but the confidence is 0.85, below 0.9'],
])('planFix refuses %s', (_, score, reason) => {
  expect(planFix(score)).toEqual({ kind: 'refused', reason: expect.stringContaining(reason) });
});

test('planFix takes another least confidence', () => {
  expect(planFix(video(face(3, { confidence: 0.85 })), 0.8)).toMatchObject({ kind: 'shift' });
  expect(planFix(video(face(3)), 0.995)).toMatchObject({ kind: 'refused' });
});

test('whyNotFixed wants the same face within one frame', () => {
  const before = face(8);
  for (const offset of [-1, 0, 1]) expect(whyNotFixed(video(face(offset)), before)).toBeUndefined();
  expect(whyNotFixed(video(face(2)), before)).toBe('the audio is still 2 frames off (positive: early)');
  expect(whyNotFixed(video(face(null)), before)).toBe('cannot tell: no offset matches');
  expect(whyNotFixed(video({ ...face(0), track: 1 }), before)).toBe('no face: in 40 frames');
});
