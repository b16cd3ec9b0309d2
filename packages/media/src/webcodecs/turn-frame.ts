import type { FrameRegion } from '@lipsync/contracts';

/** RGB pixels, row by row. */
export type RgbImage = { data: Uint8Array; width: number; height: number };

/** Clockwise degrees. */
export type QuarterTurns = 0 | 90 | 180 | 270;

/**
 * Turns an image clockwise.
 *
 * @returns the same image for 0, else a new one.
 */
export function turnImage(image: RgbImage, degrees: QuarterTurns): RgbImage {
  if (degrees === 0) return image;
  const { data, width, height } = image;
  const upright = degrees === 180;
  const out = new Uint8Array(data.length);
  // Where pixel (0, 0) goes, and how far the next pixel and the next row are.
  const [start, across, down] = {
    90: [height - 1, height, -1],
    180: [width * height - 1, -1, -width],
    270: [(width - 1) * height, -height, 1],
  }[degrees];
  for (let y = 0, from = 0; y < height; y++) {
    let to = 3 * (start + y * down);
    for (let x = 0; x < width; x++, from += 3, to += 3 * across) {
      out[to] = data[from];
      out[to + 1] = data[from + 1];
      out[to + 2] = data[from + 2];
    }
  }
  return { data: out, width: upright ? width : height, height: upright ? height : width };
}

/**
 * Where a region of a turned frame lies in the frame as it is stored.
 *
 * @param stored size of the frame before it is turned clockwise by `degrees`.
 */
export function storedRegion(
  { left, top, width, height }: FrameRegion,
  stored: { width: number; height: number },
  degrees: QuarterTurns,
): FrameRegion {
  switch (degrees) {
    case 0:
      return { left, top, width, height };
    case 90:
      return { left: top, top: stored.height - left - width, width: height, height: width };
    case 180:
      return { left: stored.width - left - width, top: stored.height - top - height, width, height };
    case 270:
      return { left: stored.width - top - height, top: left, width: height, height: width };
  }
}
