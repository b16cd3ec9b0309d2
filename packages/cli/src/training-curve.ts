/** One line of a training log. */
export type TrainingLogEntry = {
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

const WIDTH = 860;
const PANEL = { height: 180, left: 56, right: 16, top: 46, gap: 48 };

type Series = { name: string; colour: string; points: [number, number][] };

/**
 * The curve of a training run as an SVG picture: loss above, cosines of in-sync and off-sync pairs in the middle, AUC of the
 * held-out clips below, all over steps. Losses and cosines are means over 1/100 of the run each.
 *
 * @returns an SVG document of 860 px width that any browser shows.
 * @throws RangeError if there is no entry.
 */
export function trainingCurve(log: readonly TrainingLogEntry[], title: string): string {
  if (log.length === 0) throw new RangeError('trainingCurve: log must have at least one entry, got none');
  const lastStep = log[log.length - 1].step;
  const series = (name: string, colour: string, pick: (entry: TrainingLogEntry) => number): Series => ({
    name,
    colour,
    points: binned(log, Math.max(1, Math.ceil(log.length / 100)), pick),
  });
  const measured = log.filter((entry) => entry.validationAuc !== undefined);
  const panels: { label: string; series: Series[] }[] = [
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
    panels.push({ label: 'AUC, held-out (on the way: some clips; at the end: all)', series: [{ name: 'one window', colour: '#6b3fa0', points }] });
  }
  const height = PANEL.top + panels.length * (PANEL.height + PANEL.gap);
  const body = panels.map((panel, index) => drawPanel(panel, PANEL.top + index * (PANEL.height + PANEL.gap), lastStep));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${PANEL.left}" y="16" font-size="14">${escapeXml(title)}</text>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

function binned(
  log: readonly TrainingLogEntry[],
  size: number,
  pick: (entry: TrainingLogEntry) => number,
): [number, number][] {
  const points: [number, number][] = [];
  for (let start = 0; start < log.length; start += size) {
    const bin = log.slice(start, start + size);
    points.push([bin[bin.length - 1].step, bin.reduce((sum, entry) => sum + pick(entry), 0) / bin.length]);
  }
  return points;
}

function drawPanel(panel: { label: string; series: Series[] }, top: number, lastStep: number): string {
  const values = panel.series.flatMap((one) => one.points.map(([, value]) => value));
  const low = Math.min(...values);
  const high = Math.max(...values, low + 1e-6);
  const width = WIDTH - PANEL.left - PANEL.right;
  const x = (step: number) => PANEL.left + (step / lastStep) * width;
  const y = (value: number) => top + PANEL.height * (1 - (value - low) / (high - low));
  const parts = [
    `<rect x="${PANEL.left}" y="${top}" width="${width}" height="${PANEL.height}" fill="none" stroke="#999"/>`,
  ];
  for (const fraction of [0, 0.25, 0.5, 0.75, 1]) {
    const value = low + fraction * (high - low);
    const line = y(value).toFixed(1);
    parts.push(`<line x1="${PANEL.left}" x2="${WIDTH - PANEL.right}" y1="${line}" y2="${line}" stroke="#e4e4e4"/>`);
    parts.push(`<text x="${PANEL.left - 6}" y="${line}" dy="4" text-anchor="end">${value.toFixed(3)}</text>`);
    const step = Math.round(fraction * lastStep);
    parts.push(`<text x="${x(step).toFixed(1)}" y="${top + PANEL.height + 15}" text-anchor="middle">${step}</text>`);
  }
  panel.series.forEach((one, index) => {
    const path = one.points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${one.colour}" stroke-width="1.8"/>`);
    if (one.points.length < 30) {
      for (const [step, value] of one.points) {
        parts.push(`<circle cx="${x(step).toFixed(1)}" cy="${y(value).toFixed(1)}" r="2.6" fill="${one.colour}"/>`);
      }
    }
    const last = one.points[one.points.length - 1][1].toFixed(3);
    // Beside each other above the panel, where no line runs.
    const right = WIDTH - PANEL.right - 130 * (panel.series.length - 1 - index);
    parts.push(`<text x="${right}" y="${top - 6}" text-anchor="end" fill="${one.colour}">${one.name}: ${last}</text>`);
  });
  parts.push(`<text x="${PANEL.left}" y="${top - 6}" fill="#555">${panel.label}</text>`);
  return parts.join('\n');
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
