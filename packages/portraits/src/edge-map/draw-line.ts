/** An image of one channel, row by row. */
export type GrayImage = { data: Uint8Array; width: number; height: number };

/** A place in an image: pixel column and row. */
export type Pixel = readonly [x: number, y: number];

/** Fixed-point numbers have 16 bits after the point. */
const ONE = 65536;
const HALF = ONE / 2;

/** A whole number of pixels of a fixed-point number. */
const whole = (fixed: number) => Math.floor(fixed / ONE);

type Point = { x: number; y: number };

/**
 * Draws a straight line with round ends.
 *
 * Source: `cv2.line` of OpenCV 4 with a thickness of 2 or more and 8-connected lines: the same pixels, see the test;
 * lines that cross the image's border may differ by the rounding of its clipping.
 *
 * @param ends whole pixels.
 */
export function drawLine(image: GrayImage, ends: readonly [Pixel, Pixel], thickness: number, value: number): void {
  const [from, to] = ends.map(([x, y]) => ({ x: x * ONE, y: y * ONE }));
  const across = { x: (from.x - to.x) / ONE, y: (to.y - from.y) / ONE };
  const squared = across.x * across.x + across.y * across.y;
  const width = thickness * HALF;
  if (squared > 0) {
    const r = (width + (thickness % 2) * HALF) / Math.sqrt(squared);
    const d = { x: roundHalfEven(across.y * r), y: roundHalfEven(across.x * r) };
    const corners = [
      { x: from.x + d.x, y: from.y + d.y },
      { x: from.x - d.x, y: from.y - d.y },
      { x: to.x - d.x, y: to.y - d.y },
      { x: to.x + d.x, y: to.y + d.y },
    ];
    fillConvex(image, corners, value);
  }
  for (const end of [from, to])
    fillDisc(image, { x: whole(end.x + HALF), y: whole(end.y + HALF) }, whole(width + HALF), value);
}

/** A filled convex polygon, its corners in fixed point. */
function fillConvex(image: GrayImage, corners: readonly Point[], value: number): void {
  const count = corners.length;
  corners.forEach((corner, i) => thinLine(image, corners[(i + count - 1) % count], corner, value));
  const rows = corners.map(({ y }) => whole(y + HALF));
  const top = corners.reduce((best, corner, i) => (corner.y < corners[best].y ? i : best), 0);
  const last = Math.min(Math.max(...rows), image.height - 1);
  // Two chains of edges run down from the topmost corner, one each way round.
  const chains = [1, count - 1].map((step) => ({ step, at: top, until: rows[top], x: -ONE, slope: 0 }));
  let left = count;
  for (let row = rows[top]; row <= last; row++) {
    for (const chain of chains) {
      if (row < chain.until) continue;
      let at = chain.at;
      while (left-- > 0) {
        const next = (at + chain.step) % count;
        if (rows[next] > row) {
          const height = rows[next] - row;
          chain.until = rows[next];
          chain.slope = Math.trunc(((corners[next].x - corners[at].x) * 2 + height) / (2 * height));
          chain.x = corners[at].x;
          chain.at = next;
          break;
        }
        at = next;
      }
    }
    const [a, b] = chains[0].x > chains[1].x ? [chains[1], chains[0]] : chains;
    fillRow(image, row, [whole(a.x + HALF), whole(b.x + HALF)], value);
    for (const chain of chains) chain.x += chain.slope;
  }
}

/** A line of single pixels between two places in fixed point. */
function thinLine(image: GrayImage, from: Point, to: Point, value: number): void {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const flat = Math.abs(dx) > Math.abs(dy);
  const [first, last] = (flat ? dx : dy) < 0 ? [to, from] : [from, to];
  const length = flat ? Math.abs(dx) : Math.abs(dy);
  const rise = flat ? last.y - first.y : last.x - first.x;
  // the published integer division: the odd length avoids a division by 0
  const step = Math.trunc((rise * ONE) / (length % 2 === 0 ? length + 1 : length));
  const count = whole(flat ? last.x - first.x : last.y - first.y);
  setPixel(image, whole(last.x + HALF), whole(last.y + HALF), value);
  let along = whole((flat ? first.x : first.y) + HALF);
  let side = (flat ? first.y : first.x) + HALF;
  for (let i = 0; i <= count; i++, along++, side += step) {
    if (flat) setPixel(image, along, whole(side), value);
    else setPixel(image, whole(side), along, value);
  }
}

/** A filled disc around a pixel. */
function fillDisc(image: GrayImage, centre: Point, radius: number, value: number): void {
  let [error, across, along, plus, minus] = [0, radius, 0, 1, 2 * radius - 1];
  while (across >= along) {
    for (const sign of [-1, 1]) {
      fillRow(image, centre.y + sign * along, [centre.x - across, centre.x + across], value);
      fillRow(image, centre.y + sign * across, [centre.x - along, centre.x + along], value);
    }
    along++;
    error += plus;
    plus += 2;
    if (error > 0) {
      error -= minus;
      across--;
      minus -= 2;
    }
  }
}

function fillRow({ data, width, height }: GrayImage, row: number, [from, to]: [number, number], value: number): void {
  if (row < 0 || row >= height || to < 0 || from >= width) return;
  data.fill(value, row * width + Math.max(from, 0), row * width + Math.min(to, width - 1) + 1);
}

function setPixel({ data, width, height }: GrayImage, x: number, y: number, value: number): void {
  if (x >= 0 && x < width && y >= 0 && y < height) data[y * width + x] = value;
}

function roundHalfEven(value: number): number {
  const near = Math.round(value);
  return Math.abs(value - Math.trunc(value)) === 0.5 && near % 2 !== 0 ? near - 1 : near;
}
