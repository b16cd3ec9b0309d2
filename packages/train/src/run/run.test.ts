import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NonFiniteLoss } from '../step/non-finite-loss';
import { Run, type RunOptions, type RunTask } from './run';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lipsync-run-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Entry = { step: number; value: number };

const options = (change: Partial<RunOptions> = {}): RunOptions => ({
  where: 'test',
  steps: 5,
  seed: 3,
  settings: { rate: 1, clips: ['a', 'b'] },
  checkpointEvery: 2,
  validateEvery: 3,
  ...change,
});

/** A sum as the network: each step adds its number. */
function task(from = 0): RunTask<Entry, string> & { sum: number } {
  const made = {
    sum: from,
    step: async (step: number) => {
      made.sum += step;
      return { step: step + 1, value: made.sum };
    },
    state: async () => {
      const array = { dtype: 'float32' as const, shape: [1], data: Float32Array.of(made.sum) };
      return {
        model: new Map([['sum', array]]),
        optimizer: { step: 0, expAvg: new Map(), expAvgSq: new Map() },
      };
    },
    validate: async (entry: Entry) => `sum ${entry.value}`,
    warning: ({ value }: Entry) => (value === 3 ? 'three' : undefined),
  };
  return made;
}

test('a run logs every step, validates and warns between steps, and writes its files', async () => {
  const run = await Run.open<Entry>(join(folder, 'whole'), options());
  expect([run.step, run.found]).toEqual([0, undefined]);
  const events = [];
  for await (const event of run.train(task())) events.push(event);
  expect(events.map((event) => ('entry' in event ? event.entry.value : event))).toEqual([
    0,
    1,
    { kind: 'validation', step: 3, validation: 'sum 3' },
    { kind: 'warning', text: 'three' },
    3,
    6,
    10,
  ]);
  await run.finish({ curve: (log) => `${log.length} points`, report: { steps: 5 } });
  const text = (path: string) => readFile(path, 'utf8');
  expect((await text(run.paths.log)).trim().split('\n')).toHaveLength(5);
  expect(await text(run.paths.curve)).toBe('5 points');
  expect(JSON.parse(await text(run.paths.report))).toEqual({ steps: 5 });
  expect(JSON.parse(await text(run.paths.settings))).toEqual({ rate: 1, clips: ['a', 'b'] });
});

test('a run that was stopped resumes from its last checkpoint and ends in the same bytes', async () => {
  const path = join(folder, 'stopped');
  const first = await Run.open<Entry>(path, options());
  for await (const event of first.train(task())) if ('entry' in event && event.entry.step === 3) break;
  const run = await Run.open<Entry>(path, options());
  expect(run.step).toBe(2);
  expect(run.log.entries.map(({ step }) => step)).toEqual([1, 2]);
  for await (const _ of run.train(task(run.found?.model.get('sum')?.data[0] as number)));
  for (const name of ['state.safetensors', 'log.jsonl', 'settings.json'])
    expect(await readFile(join(path, name))).toEqual(await readFile(join(folder, 'whole', name)));
});

test('a folder with a run of other settings is refused, and each difference is named', async () => {
  const settings = { clips: ['a'], rate: 2 };
  await expect(Run.open(join(folder, 'whole'), options({ settings }))).rejects.toThrow(
    /^test: out must be a new folder or one of the same run, got .* \(rate was 1, is 2; clips was 2 clips, is 1 clips\)$/,
  );
  await expect(Run.open(join(folder, 'new'), options({ checkpointEvery: 0 }))).rejects.toThrow(
    'test: checkpointEvery must be a whole number above 0, got 0',
  );
  await expect(Run.open(join(folder, 'new'), options({ validateEvery: -1 }))).rejects.toThrow(
    'test: validateEvery must be a whole number from 0, got -1',
  );
});

test('a loss that is not finite ends the run and names the last good checkpoint', async () => {
  const broken = (at: number): RunTask<Entry, string> => ({
    ...task(),
    step: async (step) => {
      if (step === at) throw new NonFiniteLoss('loss must be finite, got NaN', { loss: NaN });
      return { step: step + 1, value: 0 };
    },
  });
  const lost = async (name: string, at: number) => {
    const run = await Run.open<Entry>(join(folder, name), options());
    for await (const _ of run.train(broken(at)));
  };
  await expect(lost('lost-early', 1)).rejects.toThrow(
    'test: step 2: loss must be finite, got NaN; no checkpoint was written yet',
  );
  await expect(lost('lost', 3)).rejects.toThrow(
    /^test: step 4: loss must be finite, got NaN; the last good checkpoint, of step 2, is .*state\.safetensors$/,
  );
});

test('a run gets more steps than it was planned for, and keeps where it was lengthened', async () => {
  const path = join(folder, 'longer');
  const planned = (steps: number) => options({ steps, settings: { steps, rate: 1 } });
  const first = await Run.open<Entry>(path, planned(4));
  for await (const _ of first.train(task()));
  expect(first.lengthened).toEqual([]);
  const second = await Run.open<Entry>(path, planned(6));
  expect([second.step, second.lengthened]).toEqual([4, [{ plannedSteps: 4, atStep: 4 }]]);
  for await (const _ of second.train(task(second.found?.model.get('sum')?.data[0] as number)));
  expect(second.log.entries.map(({ value }) => value)).toEqual([0, 1, 3, 6, 10, 15]);
  expect(JSON.parse(await readFile(second.paths.settings, 'utf8'))).toEqual({ steps: 6, rate: 1 });
  const third = await Run.open<Entry>(path, planned(9));
  expect(third.lengthened).toEqual([
    { plannedSteps: 4, atStep: 4 },
    { plannedSteps: 6, atStep: 6 },
  ]);
  await expect(Run.open(path, planned(5))).rejects.toThrow('steps was 6, is 5');
  await expect(Run.open(path, options({ steps: 9, settings: { steps: 9, rate: 2 } }))).rejects.toThrow(
    '(rate was 1, is 2)',
  );
});
