import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAVAlignNet } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import type { ClipStore } from '@lipsync/dataloader';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noiseStore } from '../testing/noise-store';
import { SMALL_RUN } from '../testing/small-run';
import { finishedRuns, type RunStudyOptions, runStudy, type StudyEvent } from './run-study';
import type { Study } from './study-plan';
import { studyResults } from './study-results';

const { config } = SMALL_RUN.choice;
const STUDY: Study = {
  name: 'small',
  train: { config, clipsPerBatch: 2, windowsPerClip: 2 },
  seeds: [1, 2],
  experiments: [
    {
      name: 'steps',
      question: 'Do more steps help?',
      arms: [
        { name: 'one', train: { steps: 1 } },
        { name: 'two', train: { steps: 2 } },
      ],
      expected: ['one', 'two'],
    },
  ],
  judges: { other: 'other' },
};

let folder: string;
let options: Omit<RunStudyOptions, 'out'>;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  folder = await mkdtemp(join(tmpdir(), 'lipsync-study-'));
  const store: ClipStore = await noiseStore(folder, { network: 'avalignnet', config });
  options = {
    ...{ store, stores: { other: store }, heldOut: ['d'], workers: 0, checkpointEvery: 1, validateEvery: 0 },
    openExpert: (weights) => loadAVAlignNet(weights),
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(out: string, more: Partial<RunStudyOptions> = {}, until?: (event: StudyEvent) => boolean) {
  const events: StudyEvent[] = [];
  for await (const event of runStudy(STUDY, { ...options, out, ...more })) {
    events.push(event);
    if (until?.(event)) break;
  }
  return events;
}

test('a study in shares, stopped in a step and resumed, has the runs of one that was not', async () => {
  const before = tf.memory().numTensors;
  const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
  await run(whole);
  const stopped = await run(
    parts,
    { share: { share: 1, of: 2 } },
    (event) => event.kind === 'training' && event.event.kind === 'step',
  );
  expect(stopped.filter(({ kind }) => kind === 'run')).toHaveLength(1);
  expect(await finishedRuns(STUDY, parts)).toEqual([]);
  await run(parts, { share: { share: 2, of: 2 } });
  expect((await finishedRuns(STUDY, parts)).map(({ seed }) => seed)).toEqual([2, 2]);
  const rest = await run(parts);
  expect(rest.flatMap((event) => (event.kind === 'run' ? [event.found] : []))).toEqual([false, true, false, true]);

  const [one, other] = [await finishedRuns(STUDY, whole), await finishedRuns(STUDY, parts)];
  expect(other.map(({ id, report }) => [id, report.weightsHash])).toEqual(
    one.map(({ id, report }) => [id, report.weightsHash]),
  );
  expect(one.map(({ log }) => log.length)).toEqual([1, 1, 2, 2]);
  expect(other[0].cost.starts).toBe(2);
  for (const { cost, judged } of other) {
    expect(cost.cpuSec).toBeGreaterThan(0);
    expect(judged.other.auc).toBeGreaterThan(0);
  }
  const { experiments, runs } = studyResults(STUDY, other, 4);
  expect(runs).toEqual({ ended: 4, all: 4 });
  expect(experiments[0].arms.map(({ seeds, judged }) => [seeds, judged.other.values.length])).toEqual([
    [[1, 2], 2],
    [[1, 2], 2],
  ]);
  expect(tf.memory().numTensors).toBe(before);
  expect(JSON.parse(await readFile(join(whole, 'runs', one[0].id, 'settings.json'), 'utf8')).seed).toBe(1);
});

test('stores and a loader that are not given are asked for before anything is trained', async () => {
  const out = join(folder, 'none');
  await expect(run(out, { stores: {} })).rejects.toThrow('options.stores must be one for each of clips and judges');
  await expect(run(out, { openExpert: undefined })).rejects.toThrow('options.openExpert must be given for judges');
});
