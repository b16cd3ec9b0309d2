import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TrainingLog } from './training-log';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'training-log-'));
});
afterAll(() => rm(folder, { recursive: true }));

const entry = (step: number) => ({
  step,
  loss: 1 / step,
  positiveCosine: 0.5,
  negativeCosine: 0.4,
  learningRate: 1e-3,
  samplesPerSec: 9,
});

test('TrainingLog resumes after a checkpoint and drops later lines and a truncated line', async () => {
  const path = join(folder, 'log.jsonl');
  const first = await TrainingLog.resumeAt(path, 0);
  for (const step of [1, 2, 3]) await first.add(entry(step));
  await appendFile(path, '{"step": 4, "lo');
  const second = await TrainingLog.resumeAt(path, 2);
  expect(second.entries.map(({ step }) => step)).toEqual([1, 2]);
  await second.add(entry(3));
  expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(3);
});

test('TrainingLog of a new run forgets an old file', async () => {
  const path = join(folder, 'old.jsonl');
  await (await TrainingLog.resumeAt(path, 0)).add(entry(1));
  expect((await TrainingLog.resumeAt(path, 0)).entries).toEqual([]);
  expect(await readFile(path, 'utf8')).toBe('');
});
