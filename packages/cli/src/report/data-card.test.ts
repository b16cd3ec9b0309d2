import type { DataReport, Manifest } from '@lipsync/dataloader';
import { expect, test } from 'vitest';
import { MADE_REPORT } from '../testing/made-report';
import { dataCard } from './data-card';

const report: DataReport = {
  ...MADE_REPORT,
  clips: 3,
  videoRates: { 25: 2, 29.97: 1 },
  offsets: { ...MADE_REPORT.offsets!, beyondTwo: 0.125 },
};
const clip = (frameCount: number, split: 'train' | 'validation') =>
  ({ frameCount, split }) as Manifest['clips'][number];
const manifest = {
  recipe: { crop: { kind: 'dinet head', mouth: 64 }, features: 'THESIS_MEL', stepsPerSecond: 80, bins: 80, fps: 25 },
  settings: { landmarkQuality: 'fast' },
  split: { by: 'face', seed: 7, validationShare: 0.15 },
  clips: [clip(1500, 'train'), clip(750, 'train'), clip(750, 'validation')],
} as unknown as Manifest;

test('dataCard gives contents, people, preparation and drops', () => {
  const card = dataCard(report, manifest, { name: 'my | clips', source: 'own recordings', license: 'CC BY 4.0' });
  for (const part of [
    '# my \\| clips',
    '- Source: own recordings',
    'license: "CC BY 4.0"',
    '| clips | 3 of 2 videos |',
    '25 fps: 2, 29.97 fps: 1',
    '12.5 % of the clips more than 2 frames off, unknown in 2, audio of 1 clips moved',
    'seed 7: 2 train clips (1.5 min), 1 validation clips (0.5 min)',
    '"landmarkQuality": "fast"',
    '| no face | 5 |\n| silent | 2 |',
    'a network will \\<learn\\> these',
  ]) {
    expect(card).toContain(part);
  }
});

test('what is unknown is named as not stated', () => {
  const { people: _p, offsets: _o, ...rest } = report;
  const card = dataCard({ ...rest, warnings: [], dropped: {} }, manifest, { name: 'x' });
  for (const part of [
    '- Source: not stated',
    'license: unknown',
    '| people | not stated |',
    '| offsets | unknown |',
    'None.',
    'Not split.',
  ]) {
    expect(card).toContain(part);
  }
});
