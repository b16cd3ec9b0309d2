import { fail } from '@lipsync/contracts';
import type { Random } from '@lipsync/nn';
import type { FrameSize } from '../store/frame-coding';

/** How strongly, and how often, frames are degraded in training. Shares are of windows, 0..1. */
export type FrameDegradation = {
  /** Share of blurred windows. */
  blur: number;
  /** Standard deviation of the blur, pixels of the stored frames. */
  leastSigma: number;
  mostSigma: number;
  /** Share of windows compressed by JPEG. */
  jpeg: number;
  /** libjpeg's quality, 1..100. */
  leastQuality: number;
  mostQuality: number;
};

/**
 * For frames of about 48 pixels: out of focus by up to a thirtieth of the side, from strong to weak compression.
 * Chosen, not tuned by training.
 */
export const FRAME_DEGRADATION: FrameDegradation = {
  blur: 0.3,
  leastSigma: 0.3,
  mostSigma: 1.5,
  jpeg: 0.3,
  leastQuality: 20,
  mostQuality: 95,
};

/** The degradation of one window's frames; what is missing is left out. */
export type FrameDegradationDraw = { sigma?: number; quality?: number };

const TRUNCATE = 4; // standard deviations
const MOST_SIGMA = 50;

/**
 * Draws the degradation of one window. It takes the same number of random values whatever is drawn.
 *
 * @throws RangeError for shares outside 0..1, a least above its most, a sigma outside 0..50 and a quality outside
 *   1..100.
 * @example
 * const draw = drawFrameDegradation(FRAME_DEGRADATION, new Random(seed, step, item)); // Random of @lipsync/nn
 */
export function drawFrameDegradation(degradation: FrameDegradation, random: Random): FrameDegradationDraw {
  const where = 'drawFrameDegradation';
  for (const name of ['blur', 'jpeg'] as const) {
    if (!(degradation[name] >= 0 && degradation[name] <= 1))
      fail(RangeError, where, name, 'a share, 0..1', degradation[name]);
  }
  checkSigma(where, 'mostSigma', degradation.mostSigma);
  checkQuality(where, 'leastQuality', degradation.leastQuality);
  checkQuality(where, 'mostQuality', degradation.mostQuality);
  for (const name of ['Sigma', 'Quality'] as const) {
    const most = degradation[`most${name}`];
    const least = degradation[`least${name}`];
    if (!(least >= 0 && least <= most)) fail(RangeError, where, `least${name}`, `0 to most${name}, ${most}`, least);
  }
  const blurred = random.uniform() < degradation.blur;
  const sigma = random.uniform(degradation.leastSigma, degradation.mostSigma);
  const coded = random.uniform() < degradation.jpeg;
  const quality = Math.floor(random.uniform(degradation.leastQuality, degradation.mostQuality + 1)); // integer() may draw twice
  return { ...(blurred ? { sigma } : {}), ...(coded ? { quality } : {}) };
}

/**
 * Degrades the frames of a window as drawn: blur first, as in a camera, then JPEG, as in its file.
 *
 * @param frames `[frames, height, width, 3]`, RGB, 0..255.
 * @returns uint8, the same shape; a new array.
 * @example
 * const window = degradeFrames(frames, { height: 96, width: 96 }, { sigma: 1, quality: 60 });
 */
export function degradeFrames(
  frames: Uint8Array,
  size: FrameSize,
  { sigma, quality }: FrameDegradationDraw,
): Uint8Array<ArrayBuffer> {
  const blurred = blurFrames(frames, { ...size, sigma: sigma ?? 0 });
  return quality === undefined ? blurred : compressFrames(blurred, { ...size, quality });
}

/**
 * Blurs each channel of each frame with a Gaussian, along rows and then along columns.
 *
 * Weights `exp(-k² / (2 sigma²))` for `|k| <= floor(4 sigma + 0.5)`, divided by their sum; frames are mirrored at their
 * edges (… 1 0 0 1 …).
 *
 * Source: SciPy `gaussian_filter(mode='reflect', truncate=4)` of each colour as float64, rounded: see the test. Ten
 * frames of 48x48 take 1.9 ms with sigma 1.5, 3.1 ms with sigma 3.
 *
 * @param frames `[frames, height, width, 3]`, RGB, 0..255.
 * @returns uint8, the same shape; a new array.
 * @throws RangeError for a sigma outside 0..50; TypeError where the length is not that of whole frames.
 * @example
 * const blurred = blurFrames(frames, { height: 96, width: 96, sigma: 1.5 });
 */
export function blurFrames(
  frames: Uint8Array,
  { height, width, sigma }: FrameSize & { sigma: number },
): Uint8Array<ArrayBuffer> {
  checkFrames('blurFrames', frames, { height, width });
  checkSigma('blurFrames', 'sigma', sigma);
  const reach = Math.floor(TRUNCATE * sigma + 0.5);
  const out = new Uint8Array(frames);
  if (reach === 0) return out;
  const weights = new Float64Array(reach + 1);
  for (let k = 0; k <= reach; k++) weights[k] = Math.exp(-0.5 * (k / sigma) ** 2);
  const total = weights.reduce((sum, value) => sum + 2 * value, -weights[0]);
  for (let k = 0; k <= reach; k++) weights[k] /= total;

  const row = width * 3;
  const columns = mirrored(width, reach);
  const rows = mirrored(height, reach);
  const line = new Float64Array((width + 2 * reach) * 3);
  const across = new Float64Array(height * row); // blurred along rows
  const sums = new Float64Array(row);
  for (let start = 0; start < frames.length; start += height * row) {
    for (let y = 0; y < height; y++) {
      const from = start + y * row;
      for (let i = 0, o = 0; i < columns.length; i++, o += 3) {
        const at = from + 3 * columns[i];
        line[o] = frames[at];
        line[o + 1] = frames[at + 1];
        line[o + 2] = frames[at + 2];
      }
      for (let x = 0, o = y * row, i = 3 * reach; x < width; x++, o += 3, i += 3) {
        let red = weights[0] * line[i];
        let green = weights[0] * line[i + 1];
        let blue = weights[0] * line[i + 2];
        for (let k = 1, left = i - 3, right = i + 3; k <= reach; k++, left -= 3, right += 3) {
          const weight = weights[k];
          red += weight * (line[left] + line[right]);
          green += weight * (line[left + 1] + line[right + 1]);
          blue += weight * (line[left + 2] + line[right + 2]);
        }
        across[o] = red;
        across[o + 1] = green;
        across[o + 2] = blue;
      }
    }
    for (let y = 0; y < height; y++) {
      const middle = y * row;
      for (let x = 0; x < row; x++) sums[x] = weights[0] * across[middle + x];
      for (let k = 1; k <= reach; k += 2) {
        // Two weights at once: half the reads and writes of the sums.
        const next = Math.min(k + 1, reach);
        const a = rows[y + reach - k] * row;
        const b = rows[y + reach + k] * row;
        const c = rows[y + reach - next] * row;
        const d = rows[y + reach + next] * row;
        const near = weights[k];
        const far = next > k ? weights[next] : 0;
        for (let x = 0; x < row; x++)
          sums[x] += near * (across[a + x] + across[b + x]) + far * (across[c + x] + across[d + x]);
      }
      for (let x = 0, o = start + middle; x < row; x++, o++) out[o] = sums[x] + 0.5;
    }
  }
  return out;
}

/** Which of `length` pixels stands at `-reach … length + reach - 1`: 0 1 2 2 1 0 0 1 …, however far. */
function mirrored(length: number, reach: number): Int32Array {
  return Int32Array.from({ length: length + 2 * reach }, (_, i) => {
    const place = (((i - reach) % (2 * length)) + 2 * length) % (2 * length);
    return place < length ? place : 2 * length - 1 - place;
  });
}

/**
 * Frames after JPEG compression: its loss, without the file.
 *
 * To luma and two colour differences (JFIF, all at full size: 4:4:4), 8x8 cosine transforms, each coefficient rounded
 * to a multiple of its step, and back. Sides that are no multiples of 8 are continued with their last pixel. Steps: the
 * standard tables of ITU-T T.81, annex K, scaled by libjpeg's rule, `5000 / quality` below 50 and `200 - 2 quality`
 * from there on, per cent.
 *
 * Source: libjpeg-turbo's encoder at 4:4:4 and OpenCV's decoder: at most 3 % of the bytes differ, the mean difference
 * is 0.14 of 255 at most and mostly below 0.05 (see the test): a coefficient in the middle of two steps may go the
 * other way. The steps are those of OpenCV's files. OpenCV itself halves the colours (4:2:0), which this does not. Ten
 * frames of 48x48 take 2 ms (`bench/degradation.bench.ts`).
 *
 * @param frames `[frames, height, width, 3]`, RGB, 0..255.
 * @param options.quality integer 1..100.
 * @returns uint8, the same shape; a new array.
 * @throws RangeError for another quality; TypeError where the length is not that of whole frames.
 * @example
 * const compressed = compressFrames(frames, { height: 96, width: 96, quality: 60 });
 */
export function compressFrames(
  frames: Uint8Array,
  { height, width, quality }: FrameSize & { quality: number },
): Uint8Array<ArrayBuffer> {
  checkFrames('compressFrames', frames, { height, width });
  checkQuality('compressFrames', 'quality', quality);
  const luma = jpegSteps(LUMA_STEPS, quality);
  const chroma = jpegSteps(CHROMA_STEPS, quality);
  const out = new Uint8Array(frames.length);
  const y = new Float64Array(64);
  const cb = new Float64Array(64);
  const cr = new Float64Array(64);
  const row = width * 3;
  for (let start = 0; start < frames.length; start += height * row) {
    for (let top = 0; top < height; top += 8) {
      for (let left = 0; left < width; left += 8) {
        for (let v = 0, i = 0; v < 8; v++) {
          const line = start + Math.min(height - 1, top + v) * row;
          for (let u = 0; u < 8; u++, i++) {
            const at = line + 3 * Math.min(width - 1, left + u);
            const red = frames[at];
            const green = frames[at + 1];
            const blue = frames[at + 2];
            // BT.601 in 65536ths, rounded, as in a file; a whole 128 is taken off all three.
            y[i] = ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16) - 128;
            cb[i] = (-11059 * red - 21709 * green + 32768 * blue + 32767) >> 16; // halves down
            cr[i] = (32768 * red - 27439 * green - 5329 * blue + 32767) >> 16;
          }
        }
        quantise(y, luma);
        quantise(cb, chroma);
        quantise(cr, chroma);
        const bottom = Math.min(8, height - top);
        const right = Math.min(8, width - left);
        for (let v = 0; v < bottom; v++) {
          let at = start + (top + v) * row + 3 * left;
          for (let u = 0, i = 8 * v; u < right; u++, i++, at += 3) {
            const light = within(y[i]) + 128.5;
            const blue = within(cb[i]);
            const red = within(cr[i]);
            out[at] = byte(light + 1.402 * red);
            out[at + 1] = byte(light - 0.344136286 * blue - 0.714136286 * red);
            out[at + 2] = byte(light + 1.772 * blue);
          }
        }
      }
    }
  }
  return out;
}

const within = (value: number) => (value > 127 ? 127 : value < -128 ? -128 : value);
/** Cut to 0..255 and floored by the array. */
const byte = (value: number) => (value > 255 ? 255 : value < 0 ? 0 : value);

// Steps of ITU-T T.81, tables K.1 and K.2, by rows of rising frequency across.
const LUMA_STEPS = [
  [16, 11, 10, 16, 24, 40, 51, 61],
  [12, 12, 14, 19, 26, 58, 60, 55],
  [14, 13, 16, 24, 40, 57, 69, 56],
  [14, 17, 22, 29, 51, 87, 80, 62],
  [18, 22, 37, 56, 68, 109, 103, 77],
  [24, 35, 55, 64, 81, 104, 113, 92],
  [49, 64, 78, 87, 103, 121, 120, 101],
  [72, 92, 95, 98, 112, 100, 103, 99],
];
const CHROMA_STEPS = [
  [17, 18, 24, 47, 99, 99, 99, 99],
  [18, 21, 26, 66, 99, 99, 99, 99],
  [24, 26, 56, 99, 99, 99, 99, 99],
  [47, 66, 99, 99, 99, 99, 99, 99],
  ...Array.from({ length: 4 }, () => [99, 99, 99, 99, 99, 99, 99, 99]),
];

/** The 64 steps of a quality. */
function jpegSteps(table: number[][], quality: number): Float64Array {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return Float64Array.from(table.flat(), (step) => Math.min(255, Math.max(1, Math.floor((step * percent + 50) / 100))));
}

/** The tables of both kinds, luma and chroma, for comparison with those of files. */
export function jpegTables(quality: number): { luma: number[]; chroma: number[] } {
  checkQuality('jpegTables', 'quality', quality);
  return { luma: [...jpegSteps(LUMA_STEPS, quality)], chroma: [...jpegSteps(CHROMA_STEPS, quality)] };
}

/** sqrt(2) cos(k pi / 16). Read into locals: bundlers make a module's constants variables, which is slow. */
const [C1, C2, C3, C5, C6, C7] = [1, 2, 3, 5, 6, 7].map((k) => Math.SQRT2 * Math.cos((k * Math.PI) / 16));

/**
 * A block to its frequencies, each rounded to its step (halves away from 0), and back to whole numbers. In place.
 *
 * In between it is rounded where programs that count with integers round: lines to quarters, frequencies to eighths. A
 * coefficient near the middle of two steps, of which there are many at high qualities, goes the way that it goes there.
 */
function quantise(block: Float64Array, steps: Float64Array): void {
  for (let i = 0; i < 64; i += 8) forward(block, i, 1, 4);
  for (let i = 0; i < 8; i++) forward(block, i, 8, 1 / 4);
  for (let i = 0; i < 64; i++) {
    const step = steps[i];
    const value = block[i] / (8 * step);
    block[i] = step * (value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5));
  }
  for (let i = 0; i < 8; i++) backward(block, i, 8, 4);
  for (let i = 0; i < 64; i += 8) backward(block, i, 1, 1 / 32);
}

/** sqrt(8) times the orthonormal cosine transform (DCT-II) of 8 values `step` apart, times `scale` and rounded. */
function forward(x: Float64Array, at: number, step: number, scale: number): void {
  const [c1, c2, c3, c5, c6, c7] = [C1, C2, C3, C5, C6, C7];
  const i1 = at + step;
  const i2 = i1 + step;
  const i3 = i2 + step;
  const i4 = i3 + step;
  const i5 = i4 + step;
  const i6 = i5 + step;
  const i7 = i6 + step;
  // Sums and differences of mirrored pairs.
  const s0 = x[at] + x[i7];
  const d0 = x[at] - x[i7];
  const s1 = x[i1] + x[i6];
  const d1 = x[i1] - x[i6];
  const s2 = x[i2] + x[i5];
  const d2 = x[i2] - x[i5];
  const s3 = x[i3] + x[i4];
  const d3 = x[i3] - x[i4];
  const outer = s0 + s3;
  const inner = s1 + s2;
  x[at] = Math.floor(scale * (outer + inner) + 0.5);
  x[i4] = Math.floor(scale * (outer - inner) + 0.5);
  x[i2] = Math.floor(scale * (c2 * (s0 - s3) + c6 * (s1 - s2)) + 0.5);
  x[i6] = Math.floor(scale * (c6 * (s0 - s3) - c2 * (s1 - s2)) + 0.5);
  x[i1] = Math.floor(scale * (c1 * d0 + c3 * d1 + c5 * d2 + c7 * d3) + 0.5);
  x[i3] = Math.floor(scale * (c3 * d0 - c7 * d1 - c1 * d2 - c5 * d3) + 0.5);
  x[i5] = Math.floor(scale * (c5 * d0 - c1 * d1 + c7 * d2 + c3 * d3) + 0.5);
  x[i7] = Math.floor(scale * (c7 * d0 - c5 * d1 + c3 * d2 - c1 * d3) + 0.5);
}

/** The transpose of `forward`, so 8 times its inverse, times `scale` and rounded. */
function backward(x: Float64Array, at: number, step: number, scale: number): void {
  const [c1, c2, c3, c5, c6, c7] = [C1, C2, C3, C5, C6, C7];
  const i1 = at + step;
  const i2 = i1 + step;
  const i3 = i2 + step;
  const i4 = i3 + step;
  const i5 = i4 + step;
  const i6 = i5 + step;
  const i7 = i6 + step;
  const f0 = x[at];
  const f1 = x[i1];
  const f2 = x[i2];
  const f3 = x[i3];
  const f4 = x[i4];
  const f5 = x[i5];
  const f6 = x[i6];
  const f7 = x[i7];
  const sum = f0 + f4;
  const difference = f0 - f4;
  const wide = c2 * f2 + c6 * f6;
  const narrow = c6 * f2 - c2 * f6;
  const s0 = sum + wide;
  const s3 = sum - wide;
  const s1 = difference + narrow;
  const s2 = difference - narrow;
  const d0 = c1 * f1 + c3 * f3 + c5 * f5 + c7 * f7;
  const d1 = c3 * f1 - c7 * f3 - c1 * f5 - c5 * f7;
  const d2 = c5 * f1 - c1 * f3 + c7 * f5 + c3 * f7;
  const d3 = c7 * f1 - c5 * f3 + c3 * f5 - c1 * f7;
  x[at] = Math.floor(scale * (s0 + d0) + 0.5);
  x[i7] = Math.floor(scale * (s0 - d0) + 0.5);
  x[i1] = Math.floor(scale * (s1 + d1) + 0.5);
  x[i6] = Math.floor(scale * (s1 - d1) + 0.5);
  x[i2] = Math.floor(scale * (s2 + d2) + 0.5);
  x[i5] = Math.floor(scale * (s2 - d2) + 0.5);
  x[i3] = Math.floor(scale * (s3 + d3) + 0.5);
  x[i4] = Math.floor(scale * (s3 - d3) + 0.5);
}

function checkFrames(where: string, frames: Uint8Array, { height, width }: FrameSize): void {
  for (const [name, value] of [
    ['height', height],
    ['width', width],
  ] as const) {
    if (!(Number.isInteger(value) && value > 0)) fail(RangeError, where, name, 'a whole number above 0', value);
  }
  if (frames.length % (height * width * 3) !== 0) {
    fail(
      TypeError,
      where,
      'frames',
      `[frames, ${height}, ${width}, 3], a multiple of ${height * width * 3} bytes`,
      frames.length,
    );
  }
}

function checkSigma(where: string, name: string, value: number): void {
  if (!(value >= 0 && value <= MOST_SIGMA)) fail(RangeError, where, name, `0 to ${MOST_SIGMA} pixels`, value);
}

function checkQuality(where: string, name: string, value: number): void {
  if (!(Number.isInteger(value) && value >= 1 && value <= 100))
    fail(RangeError, where, name, 'a whole number, 1 to 100', value);
}
