/** A line of a chart: its points are steps and values. */
export type ChartLine = { name: string; colour: string; points: [number, number][] };

/** Lines that share an axis. */
export type ChartPanel = { label: string; series: ChartLine[] };

const WIDTH = 860;
const PANEL = { height: 180, left: 56, right: 16, top: 46, gap: 48 };

/**
 * Panels of lines over training steps, one below the other, as an SVG frame; lines without points are left out.
 *
 * @returns an SVG document of 860 px width that any browser shows.
 */
export function lineChart({ title, panels: given }: { title: string; panels: readonly ChartPanel[] }): string {
  const panels = given
    .map(({ label, series }) => ({ label, series: series.filter(({ points }) => points.length > 0) }))
    .filter(({ series }) => series.length > 0);
  const lastStep = Math.max(
    1,
    ...panels.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([step]) => step))),
  );
  const height = PANEL.top + panels.length * (PANEL.height + PANEL.gap);
  const body = panels.map((panel, index) => drawPanel(panel, PANEL.top + index * (PANEL.height + PANEL.gap), lastStep));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${PANEL.left}" y="16" font-size="14">${escapeXml(title)}</text>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

/**
 * Values over steps as at most about a hundred points, each the mean of its stretch; what is not finite is left out.
 */
export function binned<E extends { step: number }>(log: readonly E[], pick: (entry: E) => number): [number, number][] {
  const size = Math.max(1, Math.ceil(log.length / 100));
  const points: [number, number][] = [];
  for (let start = 0; start < log.length; start += size) {
    const bin = log.slice(start, start + size);
    const values = bin.map(pick).filter(Number.isFinite);
    if (values.length > 0)
      points.push([bin[bin.length - 1].step, values.reduce((sum, value) => sum + value, 0) / values.length]);
  }
  return points;
}

function drawPanel(panel: ChartPanel, top: number, lastStep: number): string {
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
