import { escapeHtml, type Tone } from './page';

/** A line of a chart; points in order of x, those that are not finite are left out and break the line. */
type ChartLine = {
  name: string;
  tone: Tone;
  points: readonly (readonly [x: number, y: number])[];
  dots?: boolean;
  /** Whether its name is left out above the chart, as another line of its tone has it. */
  unlisted?: boolean;
};

export type ChartOptions = {
  title: string;
  /** What the axes say; ticks are written with `digits` decimals. */
  x: Axis;
  y: Axis;
  lines: readonly ChartLine[];
  /** Vertical lines with a word on top. */
  marks?: readonly { x: number; label: string; tone: Tone }[];
  /** Stretches of y that are shaded across the chart. */
  bands?: readonly { from: number; to: number; tone: Tone }[];
  /** Stretches of x that are shaded from top to bottom, such as where nothing is known. */
  gaps?: readonly { from: number; to: number }[];
  /** A sentence below the chart. */
  caption?: string;
};

/** An axis; without `low` and `high` it reaches over all points. */
type Axis = { label: string; low?: number; high?: number; digits?: number };

const [WIDTH, HEIGHT] = [460, 220];
const EDGE = { left: 46, right: 12, top: 20, bottom: 38 };

/** Lines over two axes with ticks, as SVG in a figure that fits the page's light and dark colours. */
export function lineChart({ title, x, y, lines, marks = [], bands = [], gaps = [], caption }: ChartOptions): string {
  const all = lines.flatMap(({ points }) => points.filter(isFinitePoint));
  const across = scale(
    x,
    all.map(([at]) => at),
    [EDGE.left, WIDTH - EDGE.right],
  );
  const up = scale(
    y,
    all.map(([, at]) => at),
    [HEIGHT - EDGE.bottom, EDGE.top],
  );
  const [left, right, top, bottom] = [EDGE.left, WIDTH - EDGE.right, EDGE.top, HEIGHT - EDGE.bottom];
  const parts = [
    ...gaps.map(
      ({ from, to }) =>
        `<rect x="${across.at(from)}" y="${top}" width="${round(across.raw(to) - across.raw(from))}" height="${bottom - top}" fill="var(--line)" opacity=".55"/>`,
    ),
    ...bands.map(
      ({ from, to, tone }) =>
        `<rect x="${left}" y="${up.at(to)}" width="${right - left}" height="${round(up.raw(from) - up.raw(to))}" fill="var(--${tone})" opacity=".13"/>`,
    ),
    ...up.ticks.map(
      (tick) =>
        `<line x1="${left}" x2="${right}" y1="${up.at(tick)}" y2="${up.at(tick)}" stroke="var(--line)"/><text x="${left - 6}" y="${up.at(tick)}" dy="4" text-anchor="end">${up.text(tick)}</text>`,
    ),
    ...across.ticks.map(
      (tick) =>
        `<line x1="${across.at(tick)}" x2="${across.at(tick)}" y1="${bottom}" y2="${bottom + 4}" stroke="var(--soft)"/><text x="${across.at(tick)}" y="${bottom + 17}" text-anchor="${across.raw(tick) > right - 8 ? 'end' : 'middle'}">${across.text(tick)}</text>`,
    ),
    `<line x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="var(--soft)"/>`,
    `<text x="${right}" y="${HEIGHT - 4}" text-anchor="end">${escapeHtml(x.label)}</text>`,
    `<text x="${left}" y="${top - 8}">${escapeHtml(y.label)}</text>`,
    ...marks.map(({ x: at, label, tone }) => drawMark(across.raw(at), label, tone)),
    ...lines.map((line) => drawLine(line, across.raw, up.raw)),
  ];
  const names =
    lines.length > 1
      ? lines
          .filter(({ unlisted }) => !unlisted)
          .map(
            ({ name, tone }) =>
              `<span style="color:var(--${tone});font-weight:600;margin-right:1em">${escapeHtml(name)}</span>`,
          )
          .join('')
      : '';
  return `<figure><h3>${escapeHtml(title)}</h3>${names ? `<figcaption>${names}</figcaption>` : ''}<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">${parts.join('')}</svg>${caption ? `<figcaption>${escapeHtml(caption)}</figcaption>` : ''}</figure>`;
}

const isFinitePoint = ([x, y]: readonly [number, number]) => Number.isFinite(x) && Number.isFinite(y);
const round = (value: number) => Number(value.toFixed(1));

function drawMark(x: number, label: string, tone: Tone): string {
  const right = x > WIDTH / 2;
  return `<line x1="${round(x)}" x2="${round(x)}" y1="${EDGE.top}" y2="${HEIGHT - EDGE.bottom}" stroke="var(--${tone})" stroke-dasharray="4 3"/><text x="${round(x + (right ? -5 : 5))}" y="${EDGE.top + 11}" text-anchor="${right ? 'end' : 'start'}" style="fill:var(--${tone})">${escapeHtml(label)}</text>`;
}

function drawLine(
  { name, tone, points, dots }: ChartLine,
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const stretches: string[][] = [[]];
  for (const point of points) {
    if (isFinitePoint(point)) stretches.at(-1)!.push(`${round(x(point[0]))},${round(y(point[1]))}`);
    else stretches.push([]);
  }
  const paths = stretches
    .filter(({ length }) => length > 1)
    .map(
      (path) =>
        `<polyline points="${path.join(' ')}" fill="none" stroke="var(--${tone})" stroke-width="2" stroke-linejoin="round"/>`,
    );
  const circles = dots
    ? points
        .filter(isFinitePoint)
        .map(
          ([px, py]) =>
            `<circle cx="${round(x(px))}" cy="${round(y(py))}" r="3.5" fill="var(--${tone})"><title>${escapeHtml(`${name}: ${py} at ${px}`)}</title></circle>`,
        )
    : [];
  return [...paths, ...circles].join('');
}

/** Where the values of an axis lie in the drawing, and its ticks. */
function scale({ low, high, digits }: Axis, values: readonly number[], [from, to]: readonly [number, number]) {
  let [least, most] = [low ?? Math.min(...values), high ?? Math.max(...values)];
  if (!(Number.isFinite(least) && Number.isFinite(most))) [least, most] = [0, 1];
  if (most - least < 1e-9) [least, most] = [least - 0.5, most + 0.5];
  const step = tickStep((most - least) / 6);
  if (low === undefined) least = Math.floor(least / step + 1e-6) * step;
  if (high === undefined) most = Math.ceil(most / step - 1e-6) * step;
  const decimals = digits ?? Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(least / step - 1e-6);
  const count = Math.floor(most / step + 1e-6) - first + 1;
  const raw = (value: number) => from + ((value - least) / (most - least)) * (to - from);
  return {
    raw,
    at: (value: number) => round(raw(value)),
    ticks: Array.from({ length: count }, (_, i) => (first + i) * step),
    text: (value: number) =>
      (step < 0.005 && digits === undefined ? small(value) : value.toFixed(decimals)).replace(/^-(?=[0.]*$)/, ''),
  };
}

/** A small number, such as a learning rate: `1.5e-3`. */
const small = (value: number) => (Math.abs(value) < 1e-12 ? '0' : value.toExponential(1));

/** The next of 1, 2 and 5 times a power of ten. */
export function tickStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least * (1 - 1e-9))!;
}
