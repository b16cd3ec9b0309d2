import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SyncVerdict } from '@lipsync/metrics';
import type { FaceScore, VideoScore } from '@lipsync/score';
import { expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { captureOutput } from '../testing/capture-output';
import { beyondLimits, exitStatusOf, type ScoreLimits } from './score-limits';

const shared = resolve(import.meta.dirname, '../../../..', process.env.LIPSYNC_SHARED ?? '../shared');
const [clip, weights] = [join(shared, 'data/wild/vr_3.mp4'), join(shared, 'weights/lite-start.safetensors')];
const missing = !existsSync(clip) || !existsSync(weights);

const file = (offsetFrames: number | null, confidence: number | null, reason = 'found') => {
  const verdict = { offsetFrames, confidence, reason } as SyncVerdict;
  return { file: 'a.mp4', faces: [{ track: 2, verdict } as FaceScore] } as VideoScore;
};

test.each<[string, VideoScore, ScoreLimits, string | undefined]>([
  ['no limits', file(9, 0.1), {}, undefined],
  ['an offset at the limit', file(-2, 0.9), { maxOffset: 2 }, undefined],
  ['an early one beyond', file(3, 0.9), { maxOffset: 2 }, 'an offset of 3 frames, above --max-offset 2'],
  ['a late one beyond', file(-3, 0.9), { maxOffset: 2 }, 'an offset of -3 frames, above --max-offset 2'],
  ['in sync where nothing else is allowed', file(0, null), { maxOffset: 0 }, undefined],
  ['a confidence at the limit', file(7, 0.9), { minConfidence: 0.9 }, undefined],
  ['one below', file(0, 0.8), { minConfidence: 0.9 }, 'a confidence of 0.80, below --min-confidence 0.9'],
  [
    'no calibration',
    file(0, null),
    { minConfidence: 0 },
    'no confidence for --min-confidence: the network is not calibrated',
  ],
  ['no answer', file(null, 0.1, 'no match'), { maxOffset: 75 }, 'no answer (no match)'],
  ['an offset that changes', file(null, 0.9, 'offset changes'), { minConfidence: 0 }, 'no answer (offset changes)'],
])('beyondLimits with %s', (_, score, limits, wanted) => {
  expect(beyondLimits([score], limits)).toEqual(wanted === undefined ? [] : [`a.mp4: face 2: ${wanted}`]);
  expect(exitStatusOf([score], limits)).toBe(wanted === undefined ? 0 : 3);
  expect(exitStatusOf([score, { ...score, faces: [] }], limits)).toBe(1);
});

test.skipIf(missing)(
  `lipsync score ends with status 3 where a limit is not kept${missing ? ' (skipped: no shared data)' : ''}`,
  async () => {
    const output = captureOutput();
    try {
      expect(await runLipsync(['score', clip, '--weights', weights, '--min-confidence', '0.5'])).toBe(3);
      expect(output.err).toContain(
        'vr_3.mp4: face 0: no confidence for --min-confidence: the network is not calibrated',
      );
      expect(output.out).toContain('(not calibrated, ');
    } finally {
      output.restore();
    }
  },
  240_000,
);

test('the limits of lipsync score are in its help, and a confidence above 1 is a usage error', async () => {
  const output = captureOutput();
  try {
    expect(await runLipsync(['score', '--help'])).toBe(0);
    expect(output.out.replace(/\s+/g, ' ')).toContain('end with status 3 where the confidence of a face’s answer');
    expect(await runLipsync(['score', 'a.mp4', '--min-confidence', '1.5'])).toBe(2);
    expect(output.err).toContain('--min-confidence must be at most 1, got 1.5');
  } finally {
    output.restore();
  }
});
