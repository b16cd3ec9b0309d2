import '@tensorflow/tfjs-backend-cpu';
import { storedShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { maskedPsnr, psnr, type SyncScore, scoreEmbeddings, ssim } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { RowFigures } from './generator-figures';

const mouth = 16;
const { height, width } = storedShape({ kind: 'dinet head', mouth });
const random = new Random(1);
const noise = () => Uint8Array.from({ length: 2 * height * width * 3 }, () => random.integer(256));
const experts = [{}] as SyncExpert[];
const NO_WINDOWS = { maxShift: 75, fps: 25, visualStride: 1, stretches: [] };
const score = (lseD: number, offsetFrames: number, alignment: SyncScore['alignment'] = NO_WINDOWS) =>
  ({ lseD, lseC: 1 - lseD, offsetFrames, space: 'unit', alignment }) as SyncScore;

test('a row is the mean of its frames’ figures, whole and in the mouth box', async () => {
  const [made, truth] = [noise(), noise()];
  const row = new RowFigures({ of: 'generated', audio: 'own' }, { experts, mouth });
  await row.addFrames(made, truth);
  row.addScore(0, score(0.8, 1));
  row.addScore(0, score(0.6, -4));
  row.addScore(0, undefined);
  const figures = row.figures();
  const frame = (data: Uint8Array, i: number) => ({
    data: data.subarray(i * height * width * 3, (i + 1) * height * width * 3),
    height,
    width,
  });
  const mean = (of: (i: number) => number) => (of(0) + of(1)) / 2;
  const mask = Uint8Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return y >= 8 && y < 24 && x >= 2 && x < 18 ? 1 : 0;
  });
  const range = [0, 255] as const;
  expect(figures.ssim).toBeCloseTo(
    // measured 0 here and below: the same sums
    mean((i) => ssim(frame(truth, i), frame(made, i), { range })),
    12,
  );
  expect(figures.psnr).toBeCloseTo(
    mean((i) => psnr(frame(truth, i), frame(made, i), { range })),
    12,
  );
  expect(figures.mouthPsnr).toBeCloseTo(
    mean((i) => maskedPsnr(frame(truth, i), frame(made, i), mask, { range })),
    12,
  );
  expect(figures.sync[0].lseD).toBeCloseTo(0.7, 12); // measured 0
  expect(figures.sync[0].inSync).toBe(0.5);
  expect(figures.sync[0].surelyInSync).toBe(0); // nothing is known of how well they match
  expect(figures).not.toHaveProperty('lpips');
  expect(row.conventions()[0]).toMatch(/^ssim: Gaussian 11x11/);
});

test('a clip is surely in sync where its verdict says so', async () => {
  const row = new RowFigures({ of: 'generated', audio: 'own' }, { experts, mouth });
  const random = new Random(2);
  const rows = Array.from({ length: 80 }, () => {
    const values = Array.from({ length: 16 }, () => random.normal());
    return values.map((value) => value / Math.hypot(...values));
  });
  const [visual, later] = [rows.slice(4, 64), rows].map((part) => Float32Array.from(part.flat()));
  await row.addFrames(noise(), noise());
  for (const early of [0, 1, 4]) {
    const audio = later.slice((4 + early) * 16, (64 + early) * 16);
    row.addScore(0, scoreEmbeddings({ visual, audio }, { space: 'unit', dimension: 16 }));
  }
  expect(row.figures().sync[0]).toMatchObject({ inSync: 2 / 3, surelyInSync: 2 / 3 });
});

test('without a truth there are sharpness and sync alone', async () => {
  const row = new RowFigures({ of: 'generated', audio: 'other' }, { experts, mouth });
  await row.addFrames(noise(), noise());
  expect(Object.keys(row.figures())).toEqual(['of', 'audio', 'sharpness', 'sync']);
  expect(row.figures().sync[0].lseD).toBeNaN();
});
