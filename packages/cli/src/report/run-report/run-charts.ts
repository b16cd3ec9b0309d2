import { lineChart } from '../parts/chart';
import { TONES } from '../parts/page';
import type { LogLine, TrainingRun } from './read-run';

/** What a chart shows: a number of each line of the log. */
type Panel = {
  key: string;
  title: string;
  unit: string;
  /** Values that were measured now and then, shown as they are. */
  sparse?: boolean;
};

/** Charts in the order in which they are read; a chart without a value is left out. */
const PANELS: readonly Panel[] = [
  { key: 'loss', title: 'Loss', unit: 'loss' },
  { key: 'validationAuc', title: 'AUC of held-out clips, one window', unit: 'area under the ROC curve', sparse: true },
  { key: 'positiveCosine', title: 'Cosine of pairs in sync', unit: 'cosine' },
  { key: 'negativeCosine', title: 'Cosine of pairs off sync', unit: 'cosine' },
  { key: 'image', title: 'Squared error of frames', unit: 'error' },
  { key: 'perceptual', title: 'Distance of VGG-19 features', unit: 'distance' },
  { key: 'sync', title: 'Sync loss', unit: 'loss' },
  { key: 'learningRate', title: 'Learning rate', unit: 'rate' },
  { key: 'samplesPerSec', title: 'Samples per second', unit: 'samples/s' },
  { key: 'framesPerSec', title: 'Frames per second', unit: 'frames/s' },
  { key: 'waitShare', title: 'Share of the time that waited for data', unit: 'share' },
];

const POINTS = 150;

/** The curves of one or several runs over their steps: one line a run, cosines in and off sync of a single run together. */
export function runCharts(runs: readonly TrainingRun[]): string {
  const single = runs.length === 1;
  const last = Math.max(...runs.map(({ log }) => log[log.length - 1].step));
  const charts = PANELS.flatMap((panel): string[] => {
    if (single && panel.key === 'negativeCosine') return [];
    const lines =
      single && panel.key === 'positiveCosine' ? cosineLines(runs[0]) : runs.map((run, i) => lineOf(run, panel, i));
    if (lines.every(({ points }) => points.length === 0)) return [];
    return [
      lineChart({
        title: single && panel.key === 'positiveCosine' ? 'Cosine of pairs' : panel.title,
        x: { label: 'step', low: 0, high: last, digits: 0 },
        y: { label: panel.unit },
        lines,
      }),
    ];
  });
  return `<div class="charts">${charts.join('\n')}</div>`;
}

function lineOf({ name, log, report }: TrainingRun, { key, sparse }: Panel, index: number) {
  const values = valuesOf(log, key);
  const points = sparse ? [...values, ...finalAuc(report, log, values)] : averaged(values);
  return { name, tone: TONES[index % TONES.length], points, dots: sparse };
}

/** The AUC of the saved weights, which the log does not have. */
function finalAuc(
  report: TrainingRun['report'],
  log: readonly LogLine[],
  before: readonly [number, number][],
): [number, number][] {
  const { auc } = (report?.validation ?? {}) as { auc?: number };
  const { step } = log[log.length - 1];
  return auc === undefined || before.at(-1)?.[0] === step ? [] : [[step, auc]];
}

function cosineLines({ log }: TrainingRun) {
  const points = (key: string) => averaged(valuesOf(log, key));
  return [
    { name: 'in sync', tone: 'green' as const, points: points('positiveCosine') },
    { name: 'off sync', tone: 'red' as const, points: points('negativeCosine') },
  ];
}

function valuesOf(log: readonly LogLine[], key: string): [number, number][] {
  return log.flatMap((line): [number, number][] => {
    const value = line[key];
    return typeof value === 'number' && Number.isFinite(value) ? [[line.step, value]] : [];
  });
}

/** At most so many points, each the mean of its stretch of the run. */
function averaged(points: readonly [number, number][]): [number, number][] {
  const size = Math.ceil(points.length / POINTS);
  return Array.from({ length: size > 0 ? Math.ceil(points.length / size) : 0 }, (_, i) => {
    const bin = points.slice(i * size, (i + 1) * size);
    return [bin[bin.length - 1][0], bin.reduce((sum, [, value]) => sum + value, 0) / bin.length];
  });
}
