import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StudyResults } from '@lipsync/train';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLipsync } from '../../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../../testing/capture-output';
import { studyPage } from './study-page';

let folder: string;
let output: CapturedOutput;
beforeAll(async () => {
  output = captureOutput();
  folder = await mkdtemp(join(tmpdir(), 'lipsync-study-command-'));
});
afterAll(() => {
  output.restore();
  return rm(folder, { recursive: true, force: true });
});

const RESULTS: StudyResults = {
  name: 'The <study>',
  runs: { ended: 3, all: 4 },
  wallSec: 75,
  cpuSec: 130,
  experiments: [
    {
      ...{ name: 'batch', question: 'Does a larger batch help?', source: 'thesis, figure 3.10', measure: 'auc' },
      ...{ finding: 'agrees', sentence: 'Confirmed here, 16 better than 8 with every pair of seeds.' },
      arms: [
        {
          ...{ name: '8', source: '0.46', seeds: [1, 2], parameters: 4_056_640, wallSec: 30, cpuSec: 50 },
          auc: { mean: 0.65, least: 0.6, most: 0.7, values: [0.6, 0.7] },
          judged: { talk: { mean: 0.55, least: 0.5, most: 0.6, values: [0.5, 0.6] } },
          lossCurves: [
            [
              [1, 1],
              [9, 0.5],
            ],
            [
              [1, 0.9],
              [9, 0.4],
            ],
          ],
          aucCurves: [[[9, 0.6]], [[9, 0.7]]],
        },
        {
          ...{ name: '16', seeds: [1], wallSec: 45, cpuSec: 80, judged: {}, aucCurves: [[]] },
          auc: { mean: 0.8, least: 0.8, most: 0.8, values: [0.8] },
          lossCurves: [[[1, 1]]],
        },
      ],
    },
  ],
};

test('the page shows the finding, the arms beside the source, curves of all seeds, and what it cost', () => {
  const page = studyPage(RESULTS);
  expect(page).not.toMatch(/<(script|link)|(?:src|href)="(?!data:)/);
  for (const part of [
    '<h1>The &lt;study&gt;</h1>',
    '3 of 4 runs; 1 min 15 s, CPU time 2 min 10 s.',
    '<td>thesis, figure 3.10</td><td style="white-space:nowrap">agrees</td>',
    '<div class="card green">Confirmed here, 16 better than 8 with every pair of seeds.</div>',
    '<td>0.46</td><td>0.650 (0.600 to 0.700)</td><td>–</td><td>–</td><td>0.550 (0.500 to 0.600)</td><td>4.06 M</td>',
    '<td>–</td><td>0.800</td>',
    '<h3>Training loss</h3>',
    '<title>8: 0.7 at 9</title>',
  ])
    expect(page).toContain(part);
  // Two seeds are two lines of one colour, with one name above the chart.
  expect(page.match(/<polyline[^>]*stroke="var\(--blue\)"/g)).toHaveLength(2);
  expect(page.match(/font-weight:600;margin-right:1em">8</g)).toHaveLength(2); // of the two charts
  expect(page).not.toContain('NaN');
});

const arm = (name: string) => ({ name });
const STUDY = { name: 's', seeds: [1], experiments: [{ name: 'e', question: '?', arms: [arm('a'), arm('b')] }] };

test.each([
  ['no file', ['nowhere.json', 'clips'], 'STUDY must be a file, got nowhere.json'],
  ['no study', ['broken.json', 'clips'], 'STUDY must be the file of a study, got broken.json: seeds must be'],
  ['no clips', ['study.json', 'clips'], 'CLIPS must be a folder made by lipsync prepare, got clips'],
  ['a share of nothing', ['study.json', 'clips', '--arm', '5/4'], '--arm must be I/N with I from 1 to N, got 5/4'],
  ['no folder', ['study.json', 'clips', '--out', 'study.json'], '--out must be a folder, got'],
])('lipsync study with %s is a usage error', async (_, words, message) => {
  await writeFile(join(folder, 'study.json'), JSON.stringify(STUDY));
  await writeFile(join(folder, 'broken.json'), JSON.stringify({ ...STUDY, seeds: 'one' }));
  const [study, clips, ...rest] = words;
  const at = (name: string) => (name.endsWith('.json') ? join(folder, name) : name);
  const options = rest.map(at);
  const out = rest.includes('--out') ? [] : ['--out', join(folder, 'out')];
  output.clear();
  expect(await runLipsync(['study', at(study), clips, ...options, ...out])).toBe(2);
  expect(output.err.replaceAll(`${folder}/`, '')).toContain(`lipsync study: ${message}`);
  await expect(readFile(join(folder, 'out', 'study.html'))).rejects.toThrow();
});
