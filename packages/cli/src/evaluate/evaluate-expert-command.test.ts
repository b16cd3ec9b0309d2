import type { ExpertEvaluation } from '@lipsync/train';
import { expect, test } from 'vitest';
import { clipRows, describeEvaluation } from './evaluate-expert-command';

const accuracy = { balanced: 0.75, inSync: 0.5, offSync: 1 };
const evaluation: ExpertEvaluation = {
  accuracy,
  best: { ...accuracy, threshold: 0.3 },
  auc: 0.875,
  crossEntropy: 0.6,
  meanInSync: 0.6,
  meanOffSync: 0.1,
  pairs: { inSync: 24, offSync: 24 },
  byOffset: [
    { offsetFrames: -1, pairs: 24, accuracy: 0.25 },
    { offsetFrames: 0, pairs: 24, accuracy: 0.5 },
  ],
  byClip: ['a', 'b', 'c', 'd', 'e', 'f'].map((clip, i) => ({
    ...{ ...accuracy, balanced: 0.9 - i / 10 },
    clip: `${clip}.mp4.t0.s0`,
    pairs: { inSync: 4, offSync: 4 },
  })),
  anyOtherStart: { accuracy: { ...accuracy, balanced: 0.7 }, best: { ...accuracy, threshold: 0.25 }, auc: 0.8 },
  clips: 6,
  leftOut: ['g.mp4.t0.s0'],
};

test('describeEvaluation prints both rules, accuracy by offset and the worst clips first', () => {
  const lines = describeEvaluation(evaluation, 3).split('\n');
  for (const line of [
    'off-sync pairs at least 3 frames apart, of the same clip:',
    '  AUC 0.8750 (0.5 is chance, 1 is perfect)',
    '  balanced accuracy at threshold 0.5: 0.7500 (in sync 0.5000, off sync 1.0000)',
    '  balanced accuracy at threshold 0.5: 0.7000 (in sync 0.5000, off sync 1.0000)',
    '   -1  0.2500',
    '1 clips were too short for a pair',
  ]) {
    expect(lines).toContain(line);
  }
  expect(lines.slice(-6, -4)).toEqual(['  0.4000  f.mp4.t0.s0', '  0.5000  e.mp4.t0.s0']);
  expect(lines).not.toContain('  0.9000  a.mp4.t0.s0');
});

test('clipRows has one line for each clip', () => {
  const [head, first, ...rest] = clipRows(evaluation).trimEnd().split('\r\n');
  expect(head.split(',')).toHaveLength(6);
  expect(first).toBe('a.mp4.t0.s0,4,4,0.9,0.5,1');
  expect(rest).toHaveLength(5);
});
