import { fail } from '@lipsync/contracts';

/**
 * An image in memory: a decoded `VideoFrame`, or any values with a size. Row-major, colours interleaved: `height *
 * width` values are a gray image, `height * width * 3` one in RGB.
 */
export type Image = {
  data: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;
  height: number;
  width: number;
};

/**
 * The values that black and white have: `[0, 255]` of bytes, `[0, 1]` or `[-1, 1]` of networks; or a
 * `SyncRecipe.range`.
 */
export type ValueRange = readonly [number, number];

/**
 * What happens before measuring:
 * - `none`: images are measured as they are;
 * - `round`: to the nearest of 256 levels, as where images go through image files;
 * - `truncate`: to the level below, as `(255 * x).astype(uint8)` does in many reference programs.
 */
export type Quantise = 'none' | 'round' | 'truncate';

export type ImageOptions = {
  /** The values of black and white. Required: a wrong one changes SSIM and PSNR unnoticed. */
  range: ValueRange;
  /** Default `none`. */
  quantise?: Quantise;
};

/** Values from 0 (black) to `span` (white), in float64. */
export type Values = { data: Float64Array; height: number; width: number; channels: number; span: number };

/** Rounding of whoever made the image, in shares of the range. */
const TOLERANCE = 1e-6;

/** Refuses a range that is none. */
export function assertRange(where: string, range: ValueRange): void {
  const ok = Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && range[0] < range[1];
  if (!ok) fail(TypeError, where, 'range', '[black, white] with black below white, such as [0, 255]', range);
}

export function assertQuantise(where: string, quantise: Quantise): void {
  if (!['none', 'round', 'truncate'].includes(quantise))
    fail(TypeError, where, 'quantise', 'none, round or truncate', quantise);
}

/** The values of an image, black being 0; refuses values outside of the range, which are the sign of a wrong range. */
export function readImage(where: string, name: string, image: Image, options: ImageOptions): Values {
  const { range, quantise = 'none' } = options;
  assertRange(where, range);
  assertQuantise(where, quantise);
  const { height, width, data } = image;
  const pixels = height * width;
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0)) {
    fail(TypeError, where, name, 'of a whole height and width above 0', [height, width]);
  }
  if (!ArrayBuffer.isView(data) || (data.length !== pixels && data.length !== 3 * pixels)) {
    const rule = `a typed array of ${height} x ${width} numbers (gray) or 3 times as many (RGB)`;
    fail(TypeError, where, `${name}.data`, rule, (data as Float64Array)?.length);
  }
  const [low, high] = range;
  const slack = TOLERANCE * (high - low);
  const values = new Float64Array(data.length);
  for (let i = 0; i < values.length; i++) {
    const value = data[i];
    if (!(value >= low - slack && value <= high + slack)) {
      fail(RangeError, where, `${name}.data`, `within range (${low}..${high})`, `${value} at index ${i}`);
    }
    values[i] = value - low;
  }
  let span = high - low;
  if (quantise !== 'none') {
    const level = quantise === 'round' ? Math.round : Math.floor;
    // The tolerance lets a level that float32 stores a little too low stand.
    const upward = quantise === 'round' ? 0 : 255 * TOLERANCE;
    for (let i = 0; i < values.length; i++)
      values[i] = Math.min(255, Math.max(0, level((values[i] / span) * 255 + upward)));
    span = 255;
  }
  return { data: values, height, width, channels: data.length / pixels, span };
}

/** Both images of a pair, which must have one size. */
export function readPair(
  where: string,
  real: Image,
  generated: Image,
  options: ImageOptions,
): { real: Values; generated: Values } {
  if (
    real.height !== generated.height ||
    real.width !== generated.width ||
    real.data.length !== generated.data.length
  ) {
    const size = ({ height, width, data }: Image) => `${height} x ${width} (${data.length} numbers)`;
    fail(TypeError, where, 'generated', `of the size of real, ${size(real)}`, size(generated));
  }
  return {
    real: readImage(where, 'real', real, options),
    generated: readImage(where, 'generated', generated, options),
  };
}
