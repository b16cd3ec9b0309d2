import type { GeneratorEvaluation } from '@lipsync/train';
import { expect, test } from 'vitest';
import { comparisonTable, generatorTable, PUBLISHED_DINET } from './generator-table';

const evaluation: GeneratorEvaluation = {
  clips: 2,
  frameCount: 150,
  leftOut: ['x'],
  mouth: 64,
  references: 5,
  otherAudio: 'shifted',
  experts: [{ name: 'AVAlignNet', weightsHash: '0123456789abcdef', crop: 'dinet', windows: 130 }],
  rows: [
    {
      of: 'generated',
      audio: 'own',
      ssim: 0.91234,
      psnr: 28.5,
      mouthSsim: 0.8,
      mouthPsnr: 25,
      fid: 12.3,
      sharpness: 210.04,
      sync: [{ lseD: 0.9, lseC: 0.2, inSync: 0.5, surelyInSync: 0.25 }],
    },
    {
      of: 'copy-input',
      audio: 'other',
      sharpness: 250,
      sync: [{ lseD: Number.NaN, lseC: Number.NaN, inSync: Number.NaN, surelyInSync: Number.NaN }],
    },
  ],
  conventions: [],
  notes: ['1 clips are too short'],
};

test('generatorTable omits columns without values and leaves missing values empty', () => {
  const lines = generatorTable(evaluation).split('\n');
  expect(lines[1].split(/ {2,}/)).toEqual([
    '',
    'audio',
    'SSIM',
    'mouth',
    'PSNR',
    'mouth',
    'LPIPS',
    'FID',
    'vL',
    'LSE-D 1',
    'LSE-C 1',
    'in sync',
  ]);
  expect(lines[2].split(/ {2,}/)).toEqual([
    'generated',
    'own',
    '0.9123',
    '0.8000',
    '28.50',
    '25.00',
    '12.30',
    '210.0',
    '0.900',
    '0.200',
    '50 %',
  ]);
  expect(lines[3].split(/ {2,}/)).toEqual(['copy input', 'shifted', '250.0']);
  expect(lines[4]).toBe('1: AVAlignNet (weights 0123456789ab), crop dinet, 130 windows');
  expect(lines).toContain('1 clips are too short');
});

test('generatorTable prints the table of the thesis below, marked as published on other data', () => {
  const text = generatorTable(evaluation);
  expect(text.indexOf('for orientation only, published on other data')).toBeGreaterThan(text.indexOf('copy input'));
  for (const { name } of PUBLISHED_DINET) expect(text).toContain(name);
  expect(text).toMatch(/DINet \(original\) +0\.9425 +30\.01 +0\.0289 +6\.8714 +8\.2908/);
});

test('comparisonTable has a line for each generator and audio, then the baselines once, and who judged', () => {
  const other = { ...evaluation.rows[0], audio: 'other' as const, ssim: undefined, sharpness: 190 };
  const [own, copy] = evaluation.rows;
  const softer = { ...own, ssim: 0.85 };
  const lines = comparisonTable([
    { weights: 'a.safetensors', generator: 'DINet', evaluation: { ...evaluation, rows: [own, copy, other] } },
    { weights: 'b.pth', generator: 'Wav2Lip', evaluation: { ...evaluation, rows: [softer, copy, other] } },
  ]).split('\n');
  expect(lines[0]).toBe('2 generators on the same 150 frames of 2 clips, mouth 64 px');
  const cells = lines.slice(2, 7).map((line) => line.split(/ {2,}/).slice(0, 3));
  expect(cells).toEqual([
    ['DINet (a.safetensors)', 'own', '0.9123'],
    ['Wav2Lip (b.pth)', 'own', '0.8500'],
    ['DINet (a.safetensors)', 'shifted', '0.8000'],
    ['Wav2Lip (b.pth)', 'shifted', '0.8000'],
    ['copy input', 'shifted', '250.0'],
  ]);
  expect(lines.filter((line) => line === '1 clips are too short')).toHaveLength(1);
  expect(lines).toContain('1: AVAlignNet (weights 0123456789ab), crop dinet, 130 windows');
  expect(lines.some((line) => line.startsWith('Wav2Lip-96'))).toBe(true);
});
