import type { FrameRegion } from '@lipsync/contracts';

/** A plane of a frame in memory. */
type PlanePlace = { offset: number; stride: number };

/** A decoded frame as it lies in memory. */
export type RawFrame = {
  data: Uint8Array;
  /** Its pixel format by the names of WebCodecs; see `RGB_FORMATS` and `YUV_FORMATS`. */
  format: string;
  width: number;
  height: number;
  planes: readonly PlanePlace[];
  /** Its colour matrix by the names of WebCodecs. Default: that of standard definition, as ffmpeg assumes it. */
  matrix?: string | null;
  /** Whether luma is 0..255 and not 16..235. Default false. */
  fullRange?: boolean | null;
};

/** Places of red, green and blue in a pixel of four bytes. */
const RGB_FORMATS: Readonly<Record<string, readonly [number, number, number]>> = {
  RGBA: [0, 1, 2],
  RGBX: [0, 1, 2],
  BGRA: [2, 1, 0],
  BGRX: [2, 1, 0],
};

/** By how many bits luma places are shifted to places of chroma, and whether U and V are interleaved. */
const YUV_FORMATS: Readonly<Record<string, { across: number; down: number; interleaved?: boolean }>> = {
  I420: { across: 1, down: 1 },
  I420A: { across: 1, down: 1 },
  NV12: { across: 1, down: 1, interleaved: true },
  I422: { across: 1, down: 0 },
  I444: { across: 0, down: 0 },
};

/** Weights of V in red, U in blue, and of U and V in green, times 2^16, of video range: those of ffmpeg's swscale. */
type Matrix = readonly [vToRed: number, uToBlue: number, uToGreen: number, vToGreen: number];
const MATRICES: Readonly<Record<string, Matrix>> = {
  bt709: [117489, 138438, 13975, 34925],
  'bt2020-ncl': [110013, 140363, 12277, 42626],
  smpte240m: [117579, 136230, 16907, 35559],
};
const STANDARD_DEFINITION: Matrix = [104597, 132201, 25675, 53279];

/** Whether `regionToRgb` knows a pixel format; it may be null where the frame is on a graphics card. */
export const knowsFormat = (format: string | null): format is string =>
  format !== null && (format in RGB_FORMATS || format in YUV_FORMATS);

/**
 * RGB of a region of a frame, as ffmpeg converts it: by the frame's own matrix and range, chroma not interpolated.
 *
 * Source: swscale's SIMD conversion on x86, which rounds every term down, so that values are 1 below the exact ones on
 * average; bit for bit, see the test. A browser's own conversion (`drawImage`) interpolates chroma and manages colours.
 *
 * @param region whole pixels within the frame.
 * @returns `region.height * region.width * 3` bytes in a new array.
 */
export function regionToRgb(frame: RawFrame, region: FrameRegion): Uint8Array {
  const out = new Uint8Array(region.width * region.height * 3);
  const { format, data, planes } = frame;
  if (!(format in RGB_FORMATS)) {
    yuvToRgb(frame, region, out);
    return out;
  }
  const [red, green, blue] = RGB_FORMATS[format];
  let to = 0;
  for (let row = 0; row < region.height; row++) {
    let at = planes[0].offset + (region.top + row) * planes[0].stride + 4 * region.left;
    for (let column = 0; column < region.width; column++, at += 4, to += 3) {
      out[to] = data[at + red];
      out[to + 1] = data[at + green];
      out[to + 2] = data[at + blue];
    }
  }
  return out;
}

function yuvToRgb(frame: RawFrame, region: FrameRegion, out: Uint8Array): void {
  const { data, planes, format, fullRange } = frame;
  const { across, down, interleaved } = YUV_FORMATS[format];
  const [Y, U] = planes;
  const V = interleaved ? { offset: U.offset + 1, stride: U.stride } : planes[2];
  const step = interleaved ? 2 : 1;
  const [light, vToRed, uToBlue, uToGreen, vToGreen] = weightsOf(frame);
  const black = fullRange ? 0 : 16;
  let to = 0;
  for (let y = region.top; y < region.top + region.height; y++) {
    const luma = Y.offset + y * Y.stride;
    const [u, v] = [U.offset + (y >> down) * U.stride, V.offset + (y >> down) * V.stride];
    for (let x = region.left; x < region.left + region.width; x++, to += 3) {
      const chroma = (x >> across) * step;
      const blueness = data[u + chroma] - 128;
      const redness = data[v + chroma] - 128;
      // swscale's SIMD code rounds each term down.
      const grey = (light * (data[luma + x] - black)) >> BITS;
      out[to] = toByte(grey + ((vToRed * redness) >> BITS));
      out[to + 1] = toByte(grey + ((uToGreen * blueness) >> BITS) + ((vToGreen * redness) >> BITS));
      out[to + 2] = toByte(grey + ((uToBlue * blueness) >> BITS));
    }
  }
}

const toByte = (value: number) => (value < 0 ? 0 : value > 255 ? 255 : value);

/** Bits behind the point of the weights. */
const BITS = 13;

/** Weights of luma, V in red, U in blue, and of U and V in green. */
function weightsOf({ matrix, fullRange }: RawFrame): number[] {
  const [vToRed, uToBlue, uToGreen, vToGreen] = (MATRICES[matrix ?? ''] ?? STANDARD_DEFINITION).map((weight) =>
    fullRange ? Math.floor((weight * 224) / 255) : weight,
  );
  const light = fullRange ? 2 ** 16 : Math.floor((2 ** 16 * 255) / 219);
  return [light, vToRed, uToBlue, -uToGreen, -vToGreen].map((weight) => Math.round(weight / 2 ** (16 - BITS)));
}
