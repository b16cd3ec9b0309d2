import type { SyncVerdict } from '@lipsync/metrics';
import type { FaceScore, VideoScore } from '@lipsync/score';
import { expect, test } from 'vitest';
import { describeSummary, summaryOf } from './batch-summary';

const face = (answer: string, offsetFrames: number | null) =>
  ({ lseD: 1, lseC: 0.5, verdict: { answer, offsetFrames, confidence: 1 } as SyncVerdict }) as FaceScore;
const video = (faces: FaceScore[], ...problems: string[]) => ({ file: 'a.mp4', faces, problems }) as VideoScore;
const files = [
  video([face('in sync', 0), face('early', 4)]),
  video([face('in sync', 0)], 'face 1: too small'),
  video([], 'broken: it is no video'),
  video([], 'no face: in 40 frames'),
  video([], 'broken: cut short'),
  video([], 'face 0: too small'),
  video([]),
];

test('summaryOf counts files by their reason and faces by their answer', () => {
  expect(summaryOf(files, {})).toEqual({
    ...{ files: 7, scored: 2, faces: 3 },
    withoutScore: { broken: 2, 'no face': 2, 'no usable face': 1 },
    answers: { 'in sync': 2, early: 1 },
  });
  expect(summaryOf(files, { maxOffset: 2 }).beyondLimits).toBe(1);
});

test('describeSummary says it in lines', () => {
  expect(describeSummary(files, { maxOffset: 2 })).toEqual([
    '7 videos: 2 scored, 5 without a score (2 broken, 2 no face, 1 no usable face)',
    '3 faces: 2 in sync, 1 early',
    '1 face beyond the limits',
    'mean of 3 scores: LSE-D 1.000, LSE-C 0.500',
  ]);
  expect(describeSummary([files[2]], {})).toEqual(['1 video: 0 scored, 1 without a score (1 broken)']);
});
