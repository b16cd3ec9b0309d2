import { fail } from '@lipsync/contracts';
import { convexHull, type Point } from './convex-hull';

/** Points of the lower chin and the tip of the nose, of the 68 points of iBUG: the jaw below the corners of the mouth. */
export const GROUND_TRUTH_POINTS: readonly number[] = Object.freeze([4, 5, 6, 7, 8, 9, 10, 11, 12, 30]);

/** Options of `groundTruthMask`. */
export type GroundTruthMaskOptions = {
  /** Pixels. */
  height: number;
  width: number;
  /** Points whose hull is filled. Default `GROUND_TRUTH_POINTS`. */
  points?: readonly number[];
  /** Side of the square by which the hull is dilated, pixels, odd. Default 11. */
  dilation?: number;
};

/**
 * The true mask of the mouth: the convex hull of the lower chin and the tip of the nose, filled and dilated; what the mask
 * head is trained towards.
 *
 * A pixel is inside where its centre is inside the hull or on its edge; dilation then takes the most of the square around
 * each pixel, without what is outside the image.
 *
 * Source: the coursework, "convex hull of lower chin landmarks and nose tip, filled, dilated with kernel 11". Equal, pixel
 * by pixel, to scikit-image's `polygon` and OpenCV's `dilate`, see the test.
 *
 * @param landmarks 68 points `[x0, y0, x1, y1, …]` in pixels of the image, whole numbers at pixel centres.
 * @returns `height * width` values 0 or 1, row by row.
 * @throws TypeError for another number of landmarks; RangeError for a dilation that is even or a point that is not among
 *   them.
 * @example
 * const mask = groundTruthMask(landmarks, { height: 96, width: 96 }); // Float32Array(9216)
 */
export function groundTruthMask(
  landmarks: ArrayLike<number>,
  { height, width, points = GROUND_TRUTH_POINTS, dilation = 11 }: GroundTruthMaskOptions,
): Float32Array {
  if (landmarks.length !== 136)
    fail(TypeError, 'groundTruthMask', 'landmarks', '68 points, 136 numbers', landmarks.length);
  if (!(Number.isInteger(dilation) && dilation > 0 && dilation % 2 === 1))
    fail(RangeError, 'groundTruthMask', 'dilation', 'an odd whole number', dilation);
  for (const [name, side] of Object.entries({ height, width })) {
    if (!(Number.isInteger(side) && side > 0))
      fail(RangeError, 'groundTruthMask', name, 'a whole number above 0', side);
  }
  const places = points.map((index): Point => {
    if (!(Number.isInteger(index) && index >= 0 && index < 68))
      fail(RangeError, 'groundTruthMask', 'points', 'indices from 0 to 67', index);
    return [landmarks[2 * index], landmarks[2 * index + 1]];
  });
  if (places.some((place) => !place.every(Number.isFinite)))
    fail(RangeError, 'groundTruthMask', 'landmarks', 'finite numbers', places);
  return dilate(filled(convexHull(places), height, width), { height, width, side: dilation });
}

/** 1 where a pixel's centre is inside the polygon of a convex hull, or on its edge. */
function filled(corners: readonly Point[], height: number, width: number): Float32Array {
  const mask = new Float32Array(height * width);
  for (let row = 0; row < height; row++) {
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    corners.forEach(([x, y], i) => {
      const [nextX, nextY] = corners[(i + 1) % corners.length];
      if ((y > row && nextY > row) || (y < row && nextY < row)) return;
      const crossings = y === nextY ? [x, nextX] : [x + ((row - y) / (nextY - y)) * (nextX - x)];
      first = Math.min(first, ...crossings);
      last = Math.max(last, ...crossings);
    });
    for (let column = Math.max(0, Math.ceil(first)); column <= Math.min(width - 1, Math.floor(last)); column++)
      mask[row * width + column] = 1;
  }
  return mask;
}

type Sides = { height: number; width: number; side: number };

/** The most of a square around each pixel: along the rows, then along the columns. */
function dilate(mask: Float32Array, { height, width, side }: Sides): Float32Array {
  const reach = side >> 1;
  const along = (given: Float32Array, length: number, step: number) => {
    const spread = new Float32Array(given.length);
    for (let i = 0; i < given.length; i++) {
      const place = Math.floor(i / step) % length;
      const from = Math.max(-place, -reach);
      const to = Math.min(length - 1 - place, reach);
      for (let offset = from; offset <= to && spread[i] === 0; offset++) spread[i] = given[i + offset * step];
    }
    return spread;
  };
  return along(along(mask, width, 1), height, width);
}

/**
 * The fixed mask: 1 in the lower half, 0 above, whatever the face does. A mask that follows the mouth or the chin tells
 * the network where they are, and it opens the mouth by the mask instead of the audio.
 *
 * @returns `height * width` values, row by row; the middle row of an odd height belongs to the lower half.
 * @example
 * const mask = lowerHalfMask(96, 96); // Float32Array(9216)
 */
export function lowerHalfMask(height: number, width: number): Float32Array {
  return new Float32Array(height * width).fill(1, Math.floor(height / 2) * width);
}
