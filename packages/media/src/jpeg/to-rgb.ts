/** A plane of a JPEG: the first `width` values of `stride`, the first `height` rows. */
export type Plane = { values: Uint8Array; width: number; height: number; stride: number };

/** The weights of libjpeg's colour conversion, times 2^16. */
const [CR_TO_R, CB_TO_G, CR_TO_G, CB_TO_B] = [91881, -22554, -46802, 116130];
const HALF = 1 << 15;

/**
 * RGB of one plane (gray), or of Y, Cb and Cr, with libjpeg's integer arithmetic; chroma of half width, or of half
 * width and height, is upsampled by its triangle filter (`do_fancy_upsampling`).
 */
export function toRgb(planes: readonly Plane[], width: number, height: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(width * height * 3);
  const [luma] = planes;
  const [blue, red] = planes.slice(1).map((plane) => upsampled(plane, luma));
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at += 3) {
      const y = luma.values[row * luma.stride + column];
      if (!blue) {
        data.fill(y, at, at + 3);
        continue;
      }
      const cb = blue.values[row * blue.stride + column] - 128;
      const cr = red.values[row * red.stride + column] - 128;
      data[at] = clamp(y + ((CR_TO_R * cr + HALF) >> 16));
      data[at + 1] = clamp(y + ((CB_TO_G * cb + CR_TO_G * cr + HALF) >> 16));
      data[at + 2] = clamp(y + ((CB_TO_B * cb + HALF) >> 16));
    }
  }
  return data;
}

const clamp = (value: number) => (value < 0 ? 0 : value > 255 ? 255 : value);

/** A chroma plane at the size of the luma plane. */
function upsampled(plane: Plane, luma: Plane): Pick<Plane, 'values' | 'stride'> {
  if (plane.width === luma.width && plane.height === luma.height) return plane;
  const isHalfWidth = plane.width === Math.ceil(luma.width / 2);
  if (isHalfWidth && plane.height === luma.height) return twiceAsWide(plane);
  if (isHalfWidth && plane.height === Math.ceil(luma.height / 2)) return twiceAsLarge(plane);
  const got = `${plane.width} x ${plane.height} of ${luma.width} x ${luma.height}`;
  throw new Error(`decodeJpeg: bytes must have chroma of the whole size, half the width, or half of both, got ${got}`);
}

/** Three parts of the nearer value and one of the farther; rounded up and down by turns, so that no bias adds up. */
function twiceAsWide({ values, width, height, stride }: Plane): Pick<Plane, 'values' | 'stride'> {
  const out = new Uint8Array(2 * width * height);
  for (let row = 0; row < height; row++) {
    const [from, to] = [row * stride, row * 2 * width];
    for (let x = 0; x < width; x++) {
      const here = values[from + x];
      out[to + 2 * x] = x === 0 ? here : (3 * here + values[from + x - 1] + 1) >> 2;
      out[to + 2 * x + 1] = x === width - 1 ? here : (3 * here + values[from + x + 1] + 2) >> 2;
    }
  }
  return { values: out, stride: 2 * width };
}

/** The same in both directions; the first sums are of columns, times 4. */
function twiceAsLarge({ values, width, height, stride }: Plane): Pick<Plane, 'values' | 'stride'> {
  const out = new Uint8Array(4 * width * height);
  const sums = new Int32Array(width);
  for (let row = 0; row < 2 * height; row++) {
    const nearer = row >> 1;
    const farther = Math.max(0, Math.min(height - 1, row % 2 === 0 ? nearer - 1 : nearer + 1));
    for (let x = 0; x < width; x++) sums[x] = 3 * values[nearer * stride + x] + values[farther * stride + x];
    const to = row * 2 * width;
    for (let x = 0; x < width; x++) {
      const here = sums[x];
      out[to + 2 * x] = (x === 0 ? 4 * here + 8 : 3 * here + sums[x - 1] + 8) >> 4;
      out[to + 2 * x + 1] = (x === width - 1 ? 4 * here + 7 : 3 * here + sums[x + 1] + 7) >> 4;
    }
  }
  return { values: out, stride: 2 * width };
}
