import { assertVideoFrame, fail, type VideoFrame } from '@lipsync/contracts';

/** A rotated square in an image, pixels of the image; pixel centres are at +0.5. */
export type Square = {
  /** Centre. */
  x: number;
  y: number;
  /** Length of a side. */
  side: number;
  /** Radians; positive: the square is rotated clockwise as seen in the image. */
  angle: number;
};

/**
 * Cuts a rotated square out of an image, scaled to `size` by bilinear sampling.
 *
 * Output pixel (i, j) shows `centre + R(angle) · ((j, i) + 0.5 - size / 2) · side / size` with
 * `R = [cos, -sin; sin, cos]`; what lies outside repeats the border. One sample per output pixel, without averaging,
 * however small the output is.
 *
 * Source: PyTorch's `grid_sample(bilinear, border, align_corners=False)`, rounded to the nearest; at most 1 of 255
 * apart where a value falls on a half, see the test.
 *
 * @returns `out`: RGB, 0..255, row-major.
 * @throws TypeError if the frame's or `out`'s length is wrong; RangeError if the square is not finite or has no side.
 * @example
 * import { sampleSquare } from '@lipsync/face-crop';
 * const mouth = sampleSquare(frame, { x: 128, y: 150, side: 90, angle: 0.1 }, 96);
 */
export function sampleSquare(
  frame: VideoFrame,
  square: Square,
  size: number,
  { out }: { /** Where to write, `size * size * 3` bytes. Default: a new array. */ out?: Uint8Array } = {},
): Uint8Array {
  const where = 'sampleSquare';
  assertVideoFrame(where, frame);
  if (!(Number.isInteger(size) && size > 0)) fail(RangeError, where, 'size', 'a whole number of pixels above 0', size);
  const { x, y, side, angle } = square;
  if (!(Number.isFinite(x + y + side + angle) && side > 0)) {
    fail(RangeError, where, 'square', 'finite with a side above 0', [x, y, side, angle]);
  }
  const target = out ?? new Uint8Array(size * size * 3);
  if (target.length !== size * size * 3) {
    fail(TypeError, where, 'out', `size * size * 3 = ${size * size * 3} bytes long`, target.length);
  }
  sampleInto(target, 0, frame, square, size, { bias: 0.5 });
  return target;
}

/** How `sampleInto` samples and stores. */
export type SampleOptions = {
  /** Samples per output pixel along each axis, averaged. Default 1. */
  perPixel?: number;
  /** Left and right exchanged. Default false. */
  mirrored?: boolean;
  /** Added before storing; 0.5 rounds where the target truncates. Default 0. */
  bias?: number;
};

/** The unchecked sampler behind `sampleSquare`: writes `size * size * 3` values at `offset`. */
export function sampleInto(
  target: Uint8Array | Float32Array,
  offset: number,
  frame: VideoFrame,
  square: Square,
  size: number,
  { perPixel = 1, mirrored = false, bias = 0 }: SampleOptions = {},
): void {
  const { data, width, height } = frame;
  const step = square.side / size / perPixel;
  const cos = Math.cos(square.angle) * step;
  const sin = Math.sin(square.angle) * step;
  const across = mirrored ? -1 : 1;
  const count = size * perPixel;
  const half = (1 - count) / 2;
  const right = width - 1;
  const bottom = height - 1;
  const share = 1 / (perPixel * perPixel);
  let at = offset;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let k = 0; k < perPixel; k++) {
        const v = half + i * perPixel + k;
        for (let l = 0; l < perPixel; l++) {
          const u = across * (half + j * perPixel + l);
          let x = square.x + cos * u - sin * v - 0.5;
          let y = square.y + sin * u + cos * v - 0.5;
          x = x < 0 ? 0 : x > right ? right : x;
          y = y < 0 ? 0 : y > bottom ? bottom : y;
          const column = x | 0;
          const row = y | 0;
          const fx = x - column;
          const fy = y - row;
          const upper = (row * width + column) * 3;
          const next = column < right ? 3 : 0;
          const lower = row < bottom ? upper + width * 3 : upper;
          const a = (1 - fx) * (1 - fy);
          const b = fx * (1 - fy);
          const c = (1 - fx) * fy;
          const d = fx * fy;
          red += a * data[upper] + b * data[upper + next] + c * data[lower] + d * data[lower + next];
          green += a * data[upper + 1] + b * data[upper + next + 1] + c * data[lower + 1] + d * data[lower + next + 1];
          blue += a * data[upper + 2] + b * data[upper + next + 2] + c * data[lower + 2] + d * data[lower + next + 2];
        }
      }
      target[at] = red * share + bias;
      target[at + 1] = green * share + bias;
      target[at + 2] = blue * share + bias;
      at += 3;
    }
  }
}
