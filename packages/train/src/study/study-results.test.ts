import { expect, test } from 'vitest';
import type { FinishedRun } from './run-study';
import type { Study, StudyExperiment } from './study-plan';
import { studyResults } from './study-results';

const EXPERIMENT: StudyExperiment = {
  name: 'batch',
  question: 'Does a larger batch help?',
  source: 'thesis, figure 3.10',
  arms: [
    { name: 'small', source: '0.46' },
    { name: 'large', source: '0.41' },
  ],
  expected: ['small', 'large'],
};
const studyOf = (experiment: Partial<StudyExperiment> = {}): Study => ({
  name: 'study',
  seeds: [1, 2],
  experiments: [{ ...EXPERIMENT, ...experiment }],
});

/** A run of an arm with an AUC; its loss falls from 1 to `1 - auc`. */
function ended(arm: string, seed: number, auc: number): FinishedRun {
  const log = Array.from({ length: 40 }, (_, i) => ({
    ...{ step: i + 1, loss: i < 38 ? 1 : 1 - auc, positiveCosine: 0.5, negativeCosine: 0.2 },
    ...{ learningRate: 1e-3, samplesPerSec: 10 },
    ...(i === 19 ? { validationAuc: 0.5 } : {}),
  }));
  const report = { parameters: 7, validation: { auc, accuracy: { balanced: auc - 0.1 } } };
  return {
    ...{ id: `${arm}-${seed}`, seed, train: {}, of: [{ experiment: 'batch', arm }], log },
    ...{ cost: { wallSec: 10, cpuSec: 15, starts: 1 }, judged: {}, report: report as never },
  };
}
const runsOf = (small: number[], large: number[]) => [
  ...small.map((auc, i) => ended('small', i + 1, auc)),
  ...large.map((auc, i) => ended('large', i + 1, auc)),
];
const resultOf = (small: number[], large: number[], experiment: Partial<StudyExperiment> = {}) =>
  studyResults(studyOf(experiment), runsOf(small, large), 4).experiments[0];

test('an arm has mean and range over its seeds, curves, and what it cost', () => {
  const { experiments, wallSec, cpuSec, runs } = studyResults(studyOf(), runsOf([0.6, 0.7], [0.8, 0.9]), 4);
  const [small] = experiments[0].arms;
  expect(small).toMatchObject({ name: 'small', source: '0.46', seeds: [1, 2], parameters: 7, wallSec: 20, cpuSec: 30 });
  expect(small.auc?.mean).toBeCloseTo(0.65, 12);
  expect([small.auc?.least, small.auc?.most]).toEqual([0.6, 0.7]);
  expect(small.accuracy?.mean).toBeCloseTo(0.55, 12);
  expect(small.loss?.values[0]).toBeCloseTo(0.4, 12); // the last two of forty steps
  expect(small.lossCurves.map((curve) => curve.length)).toEqual([40, 40]);
  expect(small.aucCurves[1]).toEqual([
    [20, 0.5],
    [40, 0.7],
  ]);
  expect({ wallSec, cpuSec, runs }).toEqual({ wallSec: 40, cpuSec: 60, runs: { ended: 4, all: 4 } });
});

test.each([
  ['agrees', [0.6, 0.7], [0.8, 0.9], 'Confirmed here, large better than small with every pair of seeds.'],
  ['disagrees', [0.8, 0.9], [0.6, 0.7], 'Not confirmed: the source has large better than small, here it is worse'],
  ['not decidable', [0.6, 0.8], [0.7, 0.9], 'here seeds differ more than these arms'],
  ['not decidable', [0.6], [0.9], 'Not decidable with one seed'],
  ['open', [0.6, 0.7], [], 'Not finished: large.'],
] as const)('%s: AUC %j and %j', (finding, small, large, sentence) => {
  const result = resultOf([...small], [...large]);
  expect(result.finding).toBe(finding);
  expect(result.sentence).toContain(sentence);
});

test('the sentence has the figures; by the loss less is better; without an expectation it stays open', () => {
  expect(resultOf([0.6, 0.7], [0.8, 0.9]).sentence).toBe(
    'Confirmed here, large better than small with every pair of seeds. AUC small 0.650 (0.600 to 0.700), large 0.850 (0.800 to 0.900) (2 seeds).',
  );
  expect(resultOf([0.6, 0.7], [0.8, 0.9], { measure: 'loss' }).finding).toBe('agrees');
  expect(resultOf([0.8, 0.9], [0.6, 0.7], { measure: 'loss' }).finding).toBe('disagrees');
  expect(resultOf([0.6, 0.7], [0.8, 0.9], { expected: [] })).toMatchObject({ finding: 'open' });
});

test('judges count where every run of an arm was judged', () => {
  const runs = runsOf([0.6, 0.7], [0.8, 0.9]);
  for (const run of runs.slice(0, 3)) Object.assign(run, { judged: { talk: { auc: 0.5 + run.seed / 100 } } });
  const { experiments } = studyResults({ ...studyOf(), judges: { talk: 'clips-talk' } }, runs, 4);
  expect(experiments[0].arms[0].judged.talk.values).toEqual([0.51, 0.52]);
  expect(experiments[0].arms[1].judged).toEqual({});
});
