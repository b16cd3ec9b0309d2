import type { Rgb } from './person';

/** Part of a frame, in whole pixels: `left <= x < right`. */
export type Box = { left: number; top: number; right: number; bottom: number };

// Rows of sub-pixels in a pixel; along x the cover is exact.
const SUB_ROWS = 4;

/**
 * A float frame with one way to paint: a mask (a polygon, softened if asked) and a colour blended through it.
 * Pixel centres are at +0.5.
 */
export class Canvas {
  /** `[height, width, 3]`, float32, 0..255. */
  readonly data: Float32Array;
  readonly #mask: Float32Array;
  readonly #spare: Float32Array;
  readonly #kept: Float32Array;
  readonly #crossings: number[][] = [];
  #keptBox: Box | undefined;
  readonly #line: Float64Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Float32Array(width * height * 3);
    this.#mask = new Float32Array(width * height);
    this.#spare = new Float32Array(width * height);
    this.#kept = new Float32Array(width * height);
    this.#line = new Float64Array(Math.max(width, height) + 1);
  }

  /**
   * Blends `paint` through the inside of closed polygons (even-odd rule, so a ring is two of them).
   *
   * @param polygons each x0, y0, x1, y1 …
   * @param paint a colour, or `(x, y, pixel) => share`, called at each touched pixel with its index, to paint by itself.
   * @param softPx half width of the edge's blur. Default 0: anti-aliased only.
   */
  fill(polygons: number[][], paint: Rgb, opacity?: number, softPx?: number): void;
  fill(
    polygons: number[][],
    paint: (pixel: number, share: number, x: number, y: number) => void,
    opacity?: number,
    softPx?: number,
  ): void;
  fill(
    polygons: number[][],
    paint: Rgb | ((pixel: number, share: number, x: number, y: number) => void),
    opacity = 1,
    softPx = 0,
  ): void {
    const box = this.#cover(polygons, softPx);
    if (!box) return;
    const { data, width } = this;
    const mask = this.#mask;
    for (let y = box.top; y < box.bottom; y++) {
      for (let x = box.left; x < box.right; x++) {
        const pixel = y * width + x;
        const share = mask[pixel] * opacity;
        mask[pixel] = 0;
        if (share < 0.002) continue;
        if (typeof paint === 'function') paint(pixel, share, x, y);
        else {
          const at = pixel * 3;
          data[at] += (paint[0] - data[at]) * share;
          data[at + 1] += (paint[1] - data[at + 1]) * share;
          data[at + 2] += (paint[2] - data[at + 2]) * share;
        }
      }
    }
  }

  /** Blends towards a colour at one pixel; for `paint` functions. */
  blend(pixel: number, share: number, red: number, green: number, blue: number): void {
    const { data } = this;
    const at = pixel * 3;
    data[at] += (red - data[at]) * share;
    data[at + 1] += (green - data[at + 1]) * share;
    data[at + 2] += (blue - data[at + 2]) * share;
  }

  /** Darkens (below 1) or lightens (above 1) through a soft shape. */
  shade(polygons: number[][], factor: number, softPx: number): void {
    const { data } = this;
    this.fill(
      polygons,
      (pixel, share) => {
        const by = 1 + (factor - 1) * share;
        data[pixel * 3] *= by;
        data[pixel * 3 + 1] *= by;
        data[pixel * 3 + 2] *= by;
      },
      1,
      softPx,
    );
  }

  /** The mask alone, as a new array. */
  coverage(polygons: number[][], softPx = 0): Float32Array {
    return this.stencil(polygons, softPx).slice();
  }

  /** The mask alone, to paint inside of; holds until the next call. */
  stencil(polygons: number[][], softPx = 0): Float32Array {
    const { width } = this;
    const [kept, mask] = [this.#kept, this.#mask];
    const clear = (array: Float32Array, { left, top, right, bottom }: Box) => {
      for (let y = top; y < bottom; y++) array.fill(0, y * width + left, y * width + right);
    };
    if (this.#keptBox) clear(kept, this.#keptBox);
    const box = this.#cover(polygons, softPx);
    this.#keptBox = box;
    if (box) {
      for (let y = box.top; y < box.bottom; y++) {
        kept.set(mask.subarray(y * width + box.left, y * width + box.right), y * width + box.left);
      }
      clear(mask, box);
    }
    return kept;
  }

  #cover(polygons: number[][], softPx: number): Box | undefined {
    const { width, height } = this;
    const mask = this.#mask;
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const points of polygons) {
      for (let i = 0; i < points.length; i += 2) {
        left = Math.min(left, points[i]);
        right = Math.max(right, points[i]);
        top = Math.min(top, points[i + 1]);
        bottom = Math.max(bottom, points[i + 1]);
      }
    }
    const reach = softPx > 0 ? Math.ceil(softPx * 2) + 1 : 0;
    const box = {
      left: Math.max(0, Math.floor(left) - reach),
      top: Math.max(0, Math.floor(top) - reach),
      right: Math.min(width, Math.ceil(right) + reach),
      bottom: Math.min(height, Math.ceil(bottom) + reach),
    };
    if (!(box.left < box.right && box.top < box.bottom)) return undefined;

    // Where the polygons' edges cross each row of sub-pixels.
    const rows = (box.bottom - box.top) * SUB_ROWS;
    while (this.#crossings.length < rows) this.#crossings.push([]);
    for (const points of polygons) {
      let px = points[points.length - 2];
      let py = (points[points.length - 1] - box.top) * SUB_ROWS - 0.5;
      for (let i = 0; i < points.length; i += 2) {
        const qx = points[i];
        const qy = (points[i + 1] - box.top) * SUB_ROWS - 0.5;
        const from = Math.max(0, Math.ceil(Math.min(py, qy)));
        const to = Math.min(rows, Math.ceil(Math.max(py, qy)));
        const slope = (qx - px) / (qy - py);
        for (let row = from; row < to; row++) this.#crossings[row].push(px + (row - py) * slope);
        px = qx;
        py = qy;
      }
    }

    for (let y = box.top; y < box.bottom; y++) {
      const row = y * width;
      for (let sub = 0; sub < SUB_ROWS; sub++) {
        const crossings = this.#crossings[(y - box.top) * SUB_ROWS + sub];
        crossings.sort((a, b) => a - b);
        for (let i = 0; i + 1 < crossings.length; i += 2) {
          const from = Math.max(0, crossings[i]);
          const to = Math.min(width, crossings[i + 1]);
          if (to <= from) continue;
          const first = Math.floor(from);
          const last = Math.min(width - 1, Math.floor(to));
          if (first === last) mask[row + first] += (to - from) / SUB_ROWS;
          else {
            mask[row + first] += (first + 1 - from) / SUB_ROWS;
            for (let x = first + 1; x < last; x++) mask[row + x] += 1 / SUB_ROWS;
            mask[row + last] += (to - last) / SUB_ROWS;
          }
        }
        crossings.length = 0;
      }
    }
    if (softPx > 0) {
      for (let pass = 0; pass < 2; pass++) this.#boxBlur(box, softPx);
    }
    return box;
  }

  /** A running mean of `2 * radius + 1` pixels along both axes; a radius between whole numbers weighs the ends. */
  #boxBlur(box: Box, radius: number): void {
    const { width } = this;
    const [mask, spare, line] = [this.#mask, this.#spare, this.#line];
    const whole = Math.floor(radius);
    const part = radius - whole;
    const scale = 1 / (2 * radius + 1);
    const run = (from: Float32Array, to: Float32Array, start: number, step: number, count: number) => {
      line[0] = 0;
      for (let i = 0; i < count; i++) line[i + 1] = line[i] + from[start + i * step];
      for (let i = 0; i < count; i++) {
        const low = i - whole;
        const high = i + whole;
        let sum = line[Math.min(count, high + 1)] - line[Math.max(0, low)];
        if (part > 0) {
          if (low > 0) sum += part * from[start + (low - 1) * step];
          if (high + 1 < count) sum += part * from[start + (high + 1) * step];
        }
        to[start + i * step] = sum * scale;
      }
    };
    for (let y = box.top; y < box.bottom; y++) run(mask, spare, y * width + box.left, 1, box.right - box.left);
    for (let x = box.left; x < box.right; x++) run(spare, mask, box.top * width + x, width, box.bottom - box.top);
  }
}

/** A smooth closed line through points (Catmull-Rom), `steps` points from each to the next. */
export function smoothClosed(points: number[], steps = 4): number[] {
  const count = points.length / 2;
  return curve(points, count, steps, (i) => ((i % count) + count) % count);
}

/** A smooth open line through points. */
export function smoothOpen(points: number[], steps = 4): number[] {
  const count = points.length / 2;
  const line = curve(points, count - 1, steps, (i) => Math.min(count - 1, Math.max(0, i)));
  line.push(points[points.length - 2], points[points.length - 1]);
  return line;
}

function curve(points: number[], pieces: number, steps: number, index: (i: number) => number): number[] {
  const line: number[] = [];
  for (let i = 0; i < pieces; i++) {
    const [a, b, c, d] = [index(i - 1) * 2, index(i) * 2, index(i + 1) * 2, index(i + 2) * 2];
    for (let step = 0; step < steps; step++) {
      const t = step / steps;
      for (const axis of [0, 1]) {
        const [p, q, r, s] = [points[a + axis], points[b + axis], points[c + axis], points[d + axis]];
        line.push(
          0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t * t + (3 * q - p - 3 * r + s) * t * t * t),
        );
      }
    }
  }
  return line;
}

/** The outline of a line of changing width. */
export function stroke(line: number[], widthAt: (share: number) => number): number[] {
  const count = line.length / 2;
  const back: number[] = [];
  const outline: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = Math.max(0, i - 1) * 2;
    const after = Math.min(count - 1, i + 1) * 2;
    const dx = line[after] - line[before];
    const dy = line[after + 1] - line[before + 1];
    const half = widthAt(i / (count - 1)) / 2 / Math.max(Math.hypot(dx, dy), 1e-9);
    outline.push(line[i * 2] - dy * half, line[i * 2 + 1] + dx * half);
    back.unshift(line[i * 2] + dy * half, line[i * 2 + 1] - dx * half);
  }
  return [...outline, ...back];
}

/** A polygon close to an ellipse. */
export function ellipse(x: number, y: number, radiusX: number, radiusY: number, points = 20): number[] {
  const outline: number[] = [];
  for (let i = 0; i < points; i++) {
    const angle = (2 * Math.PI * i) / points;
    outline.push(x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle));
  }
  return outline;
}
