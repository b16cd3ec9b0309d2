import { type FrameRegion, fail, type VideoFrame } from '@lipsync/contracts';
import { roundHalfEven } from './round-half-even';

export type ResizeBoxOptions = {
  /** Gray value of what lies outside the image, 0..255. Default 0. */
  fill?: number;
  /** Where to write, `height * width * 3` bytes. Default: a new array. */
  out?: Uint8Array;
};

const SCALE = 2048; // OpenCV's weights have 11 bits

/**
 * For each of `to` output pixels: index of the first of its two neighbours among `from` input pixels, and both weights.
 */
function weights(from: number, to: number): { first: Int32Array; pair: Int32Array } {
  const first = new Int32Array(to);
  const pair = new Int32Array(2 * to);
  for (let i = 0; i < to; i++) {
    const position = ((i + 0.5) * from) / to - 0.5;
    let low = Math.floor(position);
    let part = position - low;
    if (low < 0) [low, part] = [0, 0];
    if (low >= from - 1) [low, part] = [from - 1, 0];
    first[i] = low;
    pair[2 * i] = roundHalfEven((1 - part) * SCALE);
    pair[2 * i + 1] = roundHalfEven(part * SCALE);
  }
  return { first, pair };
}

/**
 * Cuts a region out of an image and resizes it to `size` x `size`, or to another width and height.
 *
 * Source: OpenCV's `resize` with INTER_LINEAR on 8-bit images (half-pixel centres, no smoothing, weights of 11 bits):
 * at most 1 of 255 from OpenCV 4.6, see the test. Exactly half sizes, which OpenCV averages, are averaged here too.
 *
 * @param region may reach beyond the image.
 * @returns `out`: RGB, 0..255, row-major.
 * @throws RangeError if the region has no pixels; TypeError if `out` has another length.
 * @example
 * import { resizeBox } from '@lipsync/face-crop';
 * const crop = resizeBox(frame, { left: -4, top: 10, width: 120, height: 120 }, 224, { fill: 110 });
 */
export function resizeBox(
  frame: VideoFrame,
  region: FrameRegion,
  size: number | { width: number; height: number },
  { fill = 0, out }: ResizeBoxOptions = {},
): Uint8Array {
  const { left, top, width, height } = region;
  const wanted = typeof size === 'number' ? { width: size, height: size } : size;
  const bytes = wanted.width * wanted.height * 3;
  if (
    !(
      Number.isInteger(left) &&
      Number.isInteger(top) &&
      Number.isInteger(width) &&
      Number.isInteger(height) &&
      width > 0 &&
      height > 0
    )
  ) {
    fail(RangeError, 'resizeBox', 'region', 'of whole pixels with a width and height above 0', region);
  }
  const target = out ?? new Uint8Array(bytes);
  if (target.length !== bytes) fail(TypeError, 'resizeBox', 'out', `${bytes} bytes long`, target.length);
  const { data } = frame;
  const halved = width === 2 * wanted.width && height === 2 * wanted.height;
  const columns = weights(width, wanted.width);
  const rows = weights(height, wanted.height);
  const value = (row: number, column: number, colour: number): number => {
    const [y, x] = [top + row, left + column];
    return y < 0 || x < 0 || y >= frame.height || x >= frame.width ? fill : data[(y * frame.width + x) * 3 + colour];
  };
  for (let i = 0; i < wanted.height; i++) {
    const upper = rows.first[i];
    const lower = Math.min(height - 1, upper + 1);
    const [b0, b1] = [rows.pair[2 * i], rows.pair[2 * i + 1]];
    for (let j = 0; j < wanted.width; j++) {
      const near = columns.first[j];
      const far = Math.min(width - 1, near + 1);
      const [a0, a1] = [columns.pair[2 * j], columns.pair[2 * j + 1]];
      for (let colour = 0; colour < 3; colour++) {
        const at = (i * wanted.width + j) * 3 + colour;
        if (halved) {
          const sum =
            value(2 * i, 2 * j, colour) +
            value(2 * i, 2 * j + 1, colour) +
            value(2 * i + 1, 2 * j, colour) +
            value(2 * i + 1, 2 * j + 1, colour);
          target[at] = (sum + 2) >> 2;
          continue;
        }
        const above = value(upper, near, colour) * a0 + value(upper, far, colour) * a1;
        const below = value(lower, near, colour) * a0 + value(lower, far, colour) * a1;
        target[at] = (((b0 * (above >> 4)) >> 16) + ((b1 * (below >> 4)) >> 16) + 2) >> 2;
      }
    }
  }
  return target;
}
