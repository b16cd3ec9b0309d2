import type { DinetCrop, HeadCrop } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import { headBox } from '@lipsync/face-crop';
import type { AugmentationDraw } from '../augment/augmentation-draw';

export type HeadWindowOptions = {
  /** How the head frames were cut. */
  stored: HeadCrop;
  wanted: DinetCrop;
  /** Rotation of the face in each frame, radians clockwise: the last of the four values of its pose. */
  angles: ArrayLike<number>;
  view?: AugmentationDraw['view'];
};

/**
 * The mouths of head crops, as a sync loss cuts them out of generated ones, written to `out` `[size, size, frames *
 * 3]`, values 0..255.
 *
 * The crop is rotated upright about the centre of its mouth box onto the box's own pixels, bilinear, black outside, and
 * these are resized to the network's size, bilinear. The view of an augmentation reads the rotated crop beyond the box,
 * too; its shift is in half sides of the box.
 *
 * @param frames frames of the sizes of `headBox(stored.mouth)`, RGB, one after the other.
 */
export function sampleHeadWindow(
  frames: Uint8Array,
  { stored, wanted, angles, view }: HeadWindowOptions,
  out: Float32Array,
): void {
  const { height, width, top, left, mouth } = headBox(stored.mouth);
  const bytes = height * width * 3;
  const count = frames.length / bytes;
  if (angles.length < count)
    fail(RangeError, 'sampleHeadWindow', 'angles', `at least ${count}, one per frame`, angles.length);
  const { size, upright, sampling } = wanted;
  const grid = gridOf(mouth, size, view);
  const length = grid.width * grid.height * 3;
  const turned = new Float32Array(count * length);
  const middle = (mouth - 1) / 2;
  const shift = sampling === 'half pixel' ? 0.5 : 0;
  const centre = { x: left + middle + shift, y: top + middle + shift };
  const from = { x: grid.left - middle, y: grid.top - middle };
  for (let t = 0; t < count; t++) {
    const angle = upright === 'none' ? 0 : angles[t];
    if (!Number.isFinite(angle)) fail(RangeError, 'sampleHeadWindow', 'angles', 'finite', angle);
    const frame = frames.subarray(t * bytes, (t + 1) * bytes);
    turn(frame, { height, width, angle, centre, from }, turned.subarray(t * length, (t + 1) * length), grid.width);
  }
  resize(turned, grid, length, out);
}

/**
 * For each pixel of the network's frame: its neighbours in the rotated crop, counted from the upper left of the mouth
 * box, and its place between them.
 */
type Grid = {
  left: number;
  top: number;
  width: number;
  height: number;
  corners: Int32Array;
  across: Float32Array;
  down: Float32Array;
};

function gridOf(mouth: number, size: number, view?: AugmentationDraw['view']): Grid {
  const { scale = 1, aspect = 1, angle = 0, mirrored = false, across = 0, down = 0 } = view ?? {};
  const [cos, sin, mirror] = [Math.cos(angle), Math.sin(angle), mirrored ? -1 : 1];
  const [a, b] = [scale * aspect * cos * mirror, -scale * sin];
  const [c, d] = [scale * sin * mirror, (scale / aspect) * cos];
  const count = size * size;
  const [corners, columns, rows] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
  const [fromLeft, fromTop] = [new Float32Array(count), new Float32Array(count)];
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const last = mouth - 1;
  for (let row = 0, p = 0; row < size; row++) {
    const v = (2 * row + 1) / size - 1;
    for (let column = 0; column < size; column++, p++) {
      const u = (2 * column + 1) / size - 1;
      let x = ((a * u + b * v + across + 1) * mouth - 1) / 2;
      let y = ((c * u + d * v + down + 1) * mouth - 1) / 2;
      // Without a view nothing beyond the box is read: its border is repeated, as where generated mouths are resized.
      if (!view) {
        x = x < 0 ? 0 : x > last ? last : x;
        y = y < 0 ? 0 : y > last ? last : y;
      }
      columns[p] = Math.floor(x);
      rows[p] = Math.floor(y);
      fromLeft[p] = x - columns[p];
      fromTop[p] = y - rows[p];
      if (columns[p] < left) left = columns[p];
      if (columns[p] > right) right = columns[p];
      if (rows[p] < top) top = rows[p];
      if (rows[p] > bottom) bottom = rows[p];
    }
  }
  const width = right - left + 2;
  for (let p = 0; p < count; p++) corners[p] = ((rows[p] - top) * width + columns[p] - left) * 3;
  return { left, top, width, height: bottom - top + 2, corners, across: fromLeft, down: fromTop };
}

type Turn = {
  height: number;
  width: number;
  angle: number;
  /** Of the mouth box, pixels of the frame. */
  centre: { x: number; y: number };
  /** The upper left of the output, from that centre. */
  from: { x: number; y: number };
};

const FAR = 1 << 20; // pixels

/** Fills `out`, rows of `columns` pixels, with the crop rotated about a centre; bilinear, black outside. */
function turn(
  frame: Uint8Array,
  { height, width, angle, centre, from }: Turn,
  out: Float32Array,
  columns: number,
): void {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const at = (row: number, column: number, colour: number) =>
    row >= 0 && row < height && column >= 0 && column < width ? frame[(row * width + column) * 3 + colour] : 0;
  for (let to = 0, row = from.y; to < out.length; row++) {
    let x = from.x * cos - row * sin + centre.x;
    let y = from.x * sin + row * cos + centre.y;
    for (const end = to + 3 * columns; to < end; to += 3, x += cos, y += sin) {
      // Integer arithmetic, faster than Math.floor; no position is further out than FAR.
      const left = ((x + FAR) | 0) - FAR;
      const top = ((y + FAR) | 0) - FAR;
      const fx = x - left;
      const fy = y - top;
      const wl = fx * fy;
      const wj = fx - wl;
      const wk = fy - wl;
      const wi = 1 - fx - wk;
      if (left >= 0 && top >= 0 && left < width - 1 && top < height - 1) {
        const i = (top * width + left) * 3;
        const l = i + width * 3;
        out[to] = wi * frame[i] + wj * frame[i + 3] + wk * frame[l] + wl * frame[l + 3];
        out[to + 1] = wi * frame[i + 1] + wj * frame[i + 4] + wk * frame[l + 1] + wl * frame[l + 4];
        out[to + 2] = wi * frame[i + 2] + wj * frame[i + 5] + wk * frame[l + 2] + wl * frame[l + 5];
      } else {
        for (let colour = 0; colour < 3; colour++) {
          out[to + colour] =
            wi * at(top, left, colour) +
            wj * at(top, left + 1, colour) +
            wk * at(top + 1, left, colour) +
            wl * at(top + 1, left + 1, colour);
        }
      }
    }
  }
}

/** Pixel by pixel for all frames, so that writes lie together. */
function resize(turned: Float32Array, { corners, across, down, width }: Grid, length: number, out: Float32Array): void {
  const row = width * 3;
  for (let p = 0, to = 0; p < corners.length; p++) {
    const fx = across[p];
    const fy = down[p];
    const wi = (1 - fx) * (1 - fy);
    const wj = fx * (1 - fy);
    const wk = (1 - fx) * fy;
    const wl = fx * fy;
    for (let i = corners[p]; i < turned.length; i += length, to += 3) {
      const l = i + row;
      out[to] = wi * turned[i] + wj * turned[i + 3] + wk * turned[l] + wl * turned[l + 3];
      out[to + 1] = wi * turned[i + 1] + wj * turned[i + 4] + wk * turned[l + 1] + wl * turned[l + 4];
      out[to + 2] = wi * turned[i + 2] + wj * turned[i + 5] + wk * turned[l + 2] + wl * turned[l + 5];
    }
  }
}
