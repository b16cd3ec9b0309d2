import type { Manifest, OffsetVerdict } from '@lipsync/dataloader';
import { expect, test } from 'vitest';
import { clipTable } from './clip-table';

test('clipTable has one line for each clip, with empty cells where nothing was measured', () => {
  const verdict = { answer: 'early', reason: 'found', sentence: '', confidence: 0.9, offsetFrames: 0 } as OffsetVerdict;
  const reading = { offsetFrames: 3, confidence: 0.2, distance: 0.9, windows: 60 };
  const quality = {
    faceSize: 120,
    asymmetry: 0.1,
    lipsInside: 1,
    sharpness: 300,
    brightness: 90,
    voiced: 0.8,
    sideDeviation: 0,
  };
  const common = {
    featureSteps: 97,
    firstFrame: 5,
    score: 0.7,
    interpolated: 1,
    radius: 48,
    angle: 0.1,
    sha256: 'ab',
    frameCount: 30,
  };
  const clips: Manifest['clips'] = [
    {
      ...common,
      id: 'a, b.mp4.t0.s0',
      identity: 'face 1',
      split: 'train',
      quality,
      offset: { expert: 'x', measured: reading, corrected: 3, after: { ...reading, offsetFrames: 0, verdict } },
    },
    { ...common, id: 'c.mp4.t0.s0' },
  ];
  const [head, first, second] = clipTable({ clips }).split('\r\n');
  expect(head.split(',')).toHaveLength(21);
  expect(first).toBe('"a, b.mp4.t0.s0",face 1,train,30,5,3,0.2,3,0,early,found,120,0.1,1,300,90,0.8,0.7,48,0.1,ab');
  expect(second).toBe('c.mp4.t0.s0,,,30,5,,,,,,,,,,,,,0.7,48,0.1,ab');
});
