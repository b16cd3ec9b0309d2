import '@tensorflow/tfjs-backend-cpu';
import { storedShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { maskedPsnr, psnr, type SyncScore, ssim } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { RowFigures } from './generator-figures';

const mouth = 16;
const { height, width } = storedShape({ kind: 'dinet head', mouth });
const random = new Random(1);
const noise = () => Uint8Array.from({ length: 2 * height * width * 3 }, () => random.integer(256));
const experts = [{}] as SyncExpert[];
const score = (lseD: number, offsetFrames: number) => ({ lseD, lseC: 1 - lseD, offsetFrames }) as SyncScore;

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
  expect(figures).not.toHaveProperty('lpips');
  expect(row.conventions()[0]).toMatch(/^ssim: Gaussian 11x11/);
});

test('without a truth there are sharpness and sync alone', async () => {
  const row = new RowFigures({ of: 'generated', audio: 'other' }, { experts, mouth });
  await row.addFrames(noise(), noise());
  expect(Object.keys(row.figures())).toEqual(['of', 'audio', 'sharpness', 'sync']);
  expect(row.figures().sync[0].lseD).toBeNaN();
});
