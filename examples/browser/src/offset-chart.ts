import type { MeterReading } from '@lipsync/score';

type Verdict = NonNullable<MeterReading['faces'][number]['verdict']>;
type Dot = { timeSec: number; frames: number; confidence: number };

const NAMESPACE = 'http://www.w3.org/2000/svg';
const HEIGHT = 180;
const LEFT = 62;
const BOTTOM = 22;
/** Seconds shown at least, and at most. */
const [LEAST_SEC, MOST_SEC] = [8, 120];
/** Frames shown to both sides at least. */
const LEAST_FRAMES = 4;

/** The offset over time, as dots in a drawing that follows the width of the page. */
export class OffsetChart {
  readonly #svg: SVGSVGElement;
  readonly #dots = new Map<number, Dot>();
  #startSec = 0;
  #durationSec?: number;

  constructor(svg: SVGSVGElement) {
    this.#svg = svg;
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  /** @param durationSec of a file; none: live, the time moves on. */
  start(durationSec?: number): void {
    this.#dots.clear();
    this.#durationSec = durationSec;
    this.#startSec = Number.NaN;
    this.#draw();
  }

  add({ overTime }: Verdict): void {
    for (const { fromSec, toSec, exactFrames, offsetFrames, confidence } of overTime) {
      const timeSec = (fromSec + toSec) / 2;
      if (!(this.#startSec <= fromSec)) this.#startSec = this.#durationSec === undefined ? fromSec : 0;
      if (exactFrames === null || offsetFrames === null) continue;
      // One dot for each half second: later readings know more of the same stretch.
      this.#dots.set(Math.round(2 * timeSec), { timeSec, frames: exactFrames, confidence: confidence ?? 1 });
    }
    for (const [key, { timeSec }] of this.#dots)
      if (timeSec < this.#lastSec() - MOST_SEC && this.#durationSec === undefined) this.#dots.delete(key);
    this.#draw();
  }

  #lastSec(): number {
    return Math.max(...[...this.#dots.values()].map(({ timeSec }) => timeSec));
  }

  #draw(): void {
    const width = this.#svg.clientWidth || 600;
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    const dots = [...this.#dots.values()].sort((a, b) => a.timeSec - b.timeSec);
    const start = Number.isNaN(this.#startSec)
      ? 0
      : (this.#durationSec === undefined && dots[0]?.timeSec) || this.#startSec;
    const end = this.#durationSec ?? Math.max(start + LEAST_SEC, dots.at(-1)?.timeSec ?? 0);
    const most = Math.max(LEAST_FRAMES, ...dots.map(({ frames }) => Math.abs(frames) + 1));
    const step = most <= 6 ? 2 : most <= 16 ? 5 : 20;
    const x = (sec: number) => LEFT + ((sec - start) / Math.max(1e-3, end - start)) * (width - LEFT - 12);
    const y = (frames: number) => (HEIGHT - BOTTOM) / 2 - (frames / most) * ((HEIGHT - BOTTOM) / 2 - 8);
    const parts: SVGElement[] = [];
    for (let frames = -step * Math.floor(most / step); frames <= most; frames += step) {
      parts.push(line(LEFT, y(frames), width - 12, y(frames), frames === 0 ? 'zero' : 'grid'));
      parts.push(
        text(
          LEFT - 8,
          y(frames) + 4,
          frames === 0 ? 'in sync' : `${frames > 0 ? '+' : '−'}${Math.abs(frames * 40)} ms`,
          'end',
        ),
      );
    }
    const seconds = end - start > 40 ? 20 : end - start > 12 ? 5 : 2;
    for (let sec = 0; sec <= end - start; sec += seconds)
      parts.push(text(x(start + sec), HEIGHT - 5, `${sec} s`, 'middle'));
    const path = dots.map(({ timeSec, frames }, i) => `${i === 0 ? 'M' : 'L'}${x(timeSec)} ${y(frames)}`).join('');
    if (dots.length > 1) parts.push(make('path', { d: path, class: 'curve' }));
    for (const { timeSec, frames, confidence } of dots)
      parts.push(
        make('circle', { cx: x(timeSec), cy: y(frames), r: 5, class: 'dot', opacity: 0.25 + 0.75 * confidence }),
      );
    this.#svg.replaceChildren(...parts);
  }
}

function make(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

const line = (x1: number, y1: number, x2: number, y2: number, kind: string) =>
  make('line', { x1, y1, x2, y2, class: kind });

function text(x: number, y: number, words: string, anchor: string): SVGElement {
  const element = make('text', { x, y, 'text-anchor': anchor });
  element.textContent = words;
  return element;
}
