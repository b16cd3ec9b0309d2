import { binned, type ChartLine, type ChartPanel, lineChart } from '../run/line-chart';

/** One line of a training log. */
export type ExpertLogEntry = {
  step: number;
  loss: number;
  /** Mean cosine of in-sync and of off-sync pairs of the batch. */
  positiveCosine: number;
  negativeCosine: number;
  learningRate: number;
  samplesPerSec: number;
  /** Share of the step's time during which it waited for its batch, 0..1. */
  waitShare?: number;
  /** Area under the ROC curve for single windows of held-out clips, at the steps where it was measured. */
  validationAuc?: number;
};

/**
 * The curve of a training run as an SVG frame: loss above, cosines of in-sync and off-sync pairs in the middle, AUC of
 * the held-out clips below, all over steps. Losses and cosines are means over 1/100 of the run each.
 *
 * @returns an SVG document of 860 px width that any browser shows.
 * @throws RangeError if there is no entry.
 */
export function expertCurve(log: readonly ExpertLogEntry[], title: string): string {
  if (log.length === 0) throw new RangeError('expertCurve: log must have at least one entry, got none');
  const series = (name: string, colour: string, pick: (entry: ExpertLogEntry) => number): ChartLine => ({
    name,
    colour,
    points: binned(log, pick),
  });
  const measured = log.filter((entry) => entry.validationAuc !== undefined);
  const panels: ChartPanel[] = [
    { label: 'loss', series: [series('loss', '#1f5fa8', (entry) => entry.loss)] },
    {
      label: 'cosine',
      series: [
        series('in sync', '#1b7f4b', (entry) => entry.positiveCosine),
        series('off sync', '#b3402a', (entry) => entry.negativeCosine),
      ],
    },
  ];
  if (measured.length > 0) {
    const points = measured.map((entry): [number, number] => [entry.step, entry.validationAuc as number]);
    panels.push({
      label: 'AUC, held-out (on the way: some clips; at the end: all)',
      series: [{ name: 'one window', colour: '#6b3fa0', points }],
    });
  }
  return lineChart({ title, panels });
}
