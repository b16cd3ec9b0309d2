import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SyncRecipe } from '@lipsync/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLipsync } from '../../terminal/run-lipsync';
import { captureOutput } from '../../testing/capture-output';
import { isGenerator, isRun, readRuns } from './read-run';
import { runReportPage } from './run-report-page';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-report-'));
  const entry = (step: number) => ({
    step,
    loss: 1 / step,
    positiveCosine: 0.8,
    negativeCosine: 0.1,
    learningRate: 1e-3,
    samplesPerSec: 300,
    ...(step === 2 ? { validationAuc: 0.7 } : {}),
  });
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => `${JSON.stringify(entry(i + 1))}\n`).join('');
  for (const [name, steps, rate] of [
    ['one', 4, 0.001],
    ['two', 3, 0.002],
  ] as const) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'log.jsonl'), `${lines(steps)}{"step": 99, "lo`); // a line that is being written
    await writeFile(
      join(folder, name, 'settings.json'),
      JSON.stringify({ steps: 4, learningRate: rate, preset: 'contrast', train: Array(9).fill('clip') }),
    );
  }
  await mkdir(join(folder, 'empty'));
  await writeFile(join(folder, 'empty', 'log.jsonl'), '');
  await writeFile(
    join(folder, 'one', 'report.json'),
    JSON.stringify({ validation: { auc: 0.9123, accuracy: { balanced: 0.8 } }, parameters: 1234 }),
  );
});
afterAll(() => rm(folder, { recursive: true }));
const runs = (...names: string[]) => readRuns(names.map((name) => join(folder, name)));

test('the page of a run has its figures, curves and settings, and needs no other file', async () => {
  const page = runReportPage(await runs('one'));
  expect(page).not.toMatch(/<(script|link)|(?:src|href)="(?!data:)/);
  for (const part of [
    'one: 4 steps, finished',
    '<td>AUC, held-out clips</td><td>0.9123</td>',
    '<td>train</td><td>9 entries</td>',
    '<h3>Loss</h3>',
    '<h3>Cosine of pairs</h3>',
    '<h3>Learning rate</h3>',
    '<h3>Samples per second</h3>',
    'one: 0.9123 at 4',
    'one: 0.7 at 2',
  ])
    expect(page).toContain(part);
  expect(page).not.toContain('NaN');
});

test('a run is of a generator where its settings have a stage', () => {
  expect([isGenerator({ settings: { stage: 'frame' } }), isGenerator({ settings: {} })]).toEqual([true, false]);
});

test('several runs stand beside each other, with the settings in which they differ', async () => {
  const page = runReportPage(await runs('one', 'two'));
  expect(page).toContain('two: 3 of 4 steps, not finished');
  expect(page).toContain('<td>learningRate</td><td>0.001</td><td>0.002</td>');
  expect(page).not.toContain('<td>preset</td>');
  const [, loss] = /<h3>Loss<\/h3>(.*?)<\/figure>/s.exec(page)!;
  expect(loss.match(/<polyline/g)).toHaveLength(2);
});

test('hardest pairs are shown as the network sees them', async () => {
  const [run] = await runs('one');
  const recipe = {
    frameCount: 2,
    crop: { kind: 'whole frame', size: 4, resize: 'none' },
    color: 'RGB',
    range: [0, 1],
  } as unknown as SyncRecipe;
  const pair = { clip: 'a<b', score: 0.1234, frame: 7, frames: new Float32Array(96).fill(0.5) };
  const pairs = [
    { ...pair, inSync: true, audioFrame: 7 },
    { ...pair, inSync: false, score: 0.99, audioFrame: 20 },
  ];
  const page = runReportPage([run], new Map([[run, { pairs, recipe }]]));
  expect(page).toContain('a&lt;b, frame 7: 0.123');
  expect(page).toContain('a&lt;b, frames from 7 on, audio of frame 20: 0.990');
  expect(page.match(/<img width="64"/g)).toHaveLength(4);
});

test('lipsync report tells runs from clips, and wants a folder for the page of several', async () => {
  expect([await isRun(join(folder, 'one')), await isRun(folder)]).toEqual([true, false]);
  const output = captureOutput();
  try {
    expect(await runLipsync(['report', join(folder, 'one')])).toBe(0);
    expect(await readFile(join(folder, 'one', 'report.html'), 'utf8')).toContain('Training run one');
    expect(await runLipsync(['report', join(folder, 'one'), join(folder, 'two'), '--out', join(folder, 'both')])).toBe(
      0,
    );
    expect(await readFile(join(folder, 'both', 'report.html'), 'utf8')).toContain('2 training runs');
    expect(await runLipsync(['report', join(folder, 'one'), join(folder, 'two')])).toBe(2);
    expect(output.err).toContain('--out must be a folder where several runs are compared, got none');
    expect(await runLipsync(['report', join(folder, 'one'), folder])).toBe(2);
    expect(output.err).toContain('RUN must be a folder made by lipsync train');
    expect(await runLipsync(['report', folder, '--clips', folder])).toBe(2);
    expect(output.err).toContain('--clips must stand beside a folder made by lipsync train');
    expect(await runLipsync(['report', join(folder, 'one'), '--clips', folder])).toBe(2);
    expect(output.err).toContain(
      `--clips must be a folder made by lipsync prepare, got ${folder}: it has no store.json`,
    );
    expect(await runLipsync(['report', join(folder, 'one'), '--json'])).toBe(2);
    expect(output.err).toContain('--json must stand beside a folder made by lipsync prepare');
    expect(await runLipsync(['report', join(folder, 'empty')])).toBe(2);
    expect(output.err).toContain('RUN must be a folder of lipsync train with at least one step');
  } finally {
    output.restore();
  }
});
