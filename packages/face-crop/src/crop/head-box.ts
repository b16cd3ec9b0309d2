import { type FrameRegion, fail, storedShape } from '@lipsync/contracts';

/** DINet's head crop and the mouth box in it, in pixels of the crop. */
export type HeadBox = {
  /** Of the head crop. */
  height: number;
  width: number;
  /** The mouth box: rows `[top, top + mouth)`, columns `[left, left + mouth)`. */
  top: number;
  left: number;
  /** Side of the mouth box. */
  mouth: number;
};

/**
 * DINet's head crop for a mouth box of a given side.
 *
 * With `r = mouth / 2` and `q = floor(r / 4)`: the head crop is `3r + q` high and `2r + 2q` wide, and its mouth box
 * starts at row `r`, column `q`. Valid at any scale: of stored crops `mouth` is the side in the network's pixels, of a
 * video frame twice the crop radius.
 *
 * Source: DINet's data processing.
 *
 * @throws RangeError if the side is not an even whole number of at least 8.
 * @example
 * import { headBox } from '@lipsync/face-crop';
 * headBox(128); // { height: 208, width: 160, top: 64, left: 16, mouth: 128 }
 */
export function headBox(mouth: number): HeadBox {
  if (!(Number.isInteger(mouth) && mouth % 2 === 0 && mouth >= 8)) {
    fail(RangeError, 'headBox', 'mouth', 'an even whole number of pixels, at least 8', mouth);
  }
  const { height, width } = storedShape({ kind: 'dinet head', mouth });
  return { height, width, top: mouth / 2, left: (width - mouth) / 2, mouth };
}

/**
 * The mouth box of an image that is a head crop: the inverse of `headBox`.
 *
 * @throws RangeError if the image does not have the proportions of a head crop.
 * @example
 * import { headBoxOf } from '@lipsync/face-crop';
 * headBoxOf({ height: 208, width: 160 }).mouth; // 128
 */
export function headBoxOf({ height, width }: { height: number; width: number }): HeadBox {
  // 2r + 2 floor(r / 4) = width has at most two solutions, both next to 2 / 5 of the width.
  const middle = Math.round((width * 2) / 5);
  for (const radius of [middle, middle + 1, middle - 1]) {
    if (!(radius >= 4)) continue;
    const box = headBox(2 * radius);
    if (box.width === width && box.height === height) return box;
  }
  return fail(RangeError, 'headBoxOf', 'image', 'of 2r + 2q by 3r + q pixels with q = floor(r / 4)', [width, height]);
}

/**
 * Where DINet's head crop lies in a frame: rows from `floor(y29) - r`, columns from `floor(x33) - r - q`. It may reach
 * beyond the frame.
 *
 * @param points `[68, 2]`, pixels; those of frame `at / 136` of a longer array where `at` is given.
 * @param mouth side of the mouth box in pixels of the frame, `2r`.
 */
export function headRegion(points: Float32Array, mouth: number, at = 0): FrameRegion {
  const { height, width, top, left } = headBox(mouth);
  const x = Math.floor(points[at + 2 * 33]) - mouth / 2;
  const y = Math.floor(points[at + 2 * 29 + 1]);
  return { left: x - left, top: y - top, width, height };
}
