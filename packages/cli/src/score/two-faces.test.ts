import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend } from '@lipsync/backends';
import { scoreVideo } from '@lipsync/score';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTwoFaces } from '../testing/two-faces';
import { describeScore } from './describe-score';

let folder: string;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', log: () => {} });
  folder = await mkdtemp(join(tmpdir(), 'two-faces-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('of two drawn faces the left one speaks and the right one keeps still, each with its place, box and time', async () => {
  const path = join(folder, 'two.mp4');
  await writeTwoFaces(path, { durationSec: 3 });
  const score = await scoreVideo(path, { log: () => {} });
  const [left, right] = [...score.faces].sort((a, b) => a.box!.left - b.box!.left);
  expect(score.faces).toHaveLength(2);
  expect(left).toMatchObject({ place: 'left face', fromSec: 0, toSec: 3, filledFrames: 0, missingFrames: 0 });
  expect(right).toMatchObject({ place: 'right face', fromSec: 0, toSec: 3, filledFrames: 0, missingFrames: 0 });
  expect(left.box!.right).toBeLessThan(256);
  expect(right.box!.left).toBeGreaterThan(256);
  expect(left.speaking).toBeGreaterThan(0.9);
  expect(right.speaking).toBeLessThan(0.1);
  expect(describeScore({ ...score, file: 'two.mp4' })).toContain('two.mp4: left face: ');
}, 240_000);
