import {
  assertLandmarks68,
  assertVideoFrame,
  type DinetCrop,
  fail,
  type Landmarks68,
  type VideoFrame,
} from '@lipsync/contracts';
import { headBoxOf, headRegion } from './head-box';
import { sampleSquare } from './sample-square';

/** An image: `[height, width, 3]` bytes, RGB, 0..255, row-major. */
export type Image = { data: Uint8Array; width: number; height: number };

/** How a head crop is cut. */
export type HeadCropOptions = {
  /**
   * What to do with a crop that reaches beyond the image. `centred`: the part inside the image is put in the middle of
   * a black crop, as in the thesis; where it is cut off on one side only, the face is displaced by half of what is
   * missing. `in place`: the face stays where it belongs, black fills what is missing. Default `centred`.
   */
  placement?: 'centred' | 'in place';
};

/**
 * Cuts DINet's head crop: rows from `y29 - r`, columns from `x33 - r - q`, at the image's own scale.
 *
 * @param radius half the side of the mouth box, pixels; see `videoCropRadius`.
 * @returns an image of the sizes of `headBox(2 * radius)`; all black where the crop misses the image altogether.
 * @throws TypeError or RangeError if the frame, the points or the radius is not valid. (The thesis takes the image's
 *   middle where points are not finite.)
 * @example
 * import { headCrop, videoCropRadius } from '@lipsync/face-crop';
 * const head = headCrop(frame, points, videoCropRadius(track));
 */
export function headCrop(
  frame: VideoFrame,
  points: Landmarks68,
  radius: number,
  { placement = 'centred' }: HeadCropOptions = {},
): Image {
  assertVideoFrame('headCrop', frame);
  assertLandmarks68('headCrop', points);
  if (!(Number.isInteger(radius) && radius >= 4)) {
    fail(RangeError, 'headCrop', 'radius', 'a whole number of pixels, at least 4', radius);
  }
  const { left, top, width, height } = headRegion(points, 2 * radius);
  const rows = [Math.max(0, top), Math.min(frame.height, top + height)];
  const columns = [Math.max(0, left), Math.min(frame.width, left + width)];
  const data = new Uint8Array(width * height * 3);
  if (rows[0] >= rows[1] || columns[0] >= columns[1]) return { data, width, height };
  const [down, across] =
    placement === 'in place'
      ? [rows[0] - top, columns[0] - left]
      : [Math.floor((height - (rows[1] - rows[0])) / 2), Math.floor((width - (columns[1] - columns[0])) / 2)];
  for (let row = rows[0]; row < rows[1]; row++) {
    const part = frame.data.subarray((row * frame.width + columns[0]) * 3, (row * frame.width + columns[1]) * 3);
    data.set(part, ((row - rows[0] + down) * width + across) * 3);
  }
  return { data, width, height };
}

/** How `mouthCrop` samples the mouth box. */
export type MouthCropOptions = {
  /** Pixels on a side of the result. Default: the mouth box's own. */
  size?: number;
  /** Rotation of the face, radians clockwise, as `rotationAngle` gives it. Default 0. */
  angle?: number;
  /** `exact`, or `half pixel`: the thesis's, which samples half a pixel further right and down. Default `exact`. */
  sampling?: DinetCrop['sampling'];
};

/**
 * Cuts the mouth box out of a head crop, rotated upright about its centre; black outside.
 *
 * Source: the thesis's sampling, `x = u cos a - w sin a + cx`, `y = u sin a + w cos a + cy`, with `(u, w)` from the
 * middle of the output. `half pixel` equals PyTorch's `grid_sample(bilinear, zeros, align_corners=True)` on that grid
 * to 1 of 255, see the test.
 *
 * @param head a head crop, see `headBox`.
 * @returns RGB, 0..255, `size * size * 3` long.
 * @throws RangeError if the image does not have the proportions of a head crop.
 * @example
 * import { headCrop, mouthCrop, rotationAngle } from '@lipsync/face-crop';
 * const mouth = mouthCrop(headCrop(frame, points, 64), { size: 128, angle: rotationAngle(points) });
 */
export function mouthCrop(head: Image, { size, angle = 0, sampling = 'exact' }: MouthCropOptions = {}): Uint8Array {
  const box = headBoxOf(head);
  const side = size ?? box.mouth;
  const shift = sampling === 'half pixel' ? box.mouth / side / 2 : 0;
  // one black pixel all round makes repeating the border the same as black outside
  const centre = { x: box.left + box.mouth / 2 + shift + 1, y: box.top + box.mouth / 2 + shift + 1 };
  return sampleSquare(framed(head), { ...centre, side: box.mouth, angle }, side);
}

function framed({ data, width, height }: Image): VideoFrame {
  const [wide, high] = [width + 2, height + 2];
  const larger = new Uint8Array(wide * high * 3);
  for (let row = 0; row < height; row++) {
    larger.set(data.subarray(row * width * 3, (row + 1) * width * 3), ((row + 1) * wide + 1) * 3);
  }
  return { data: larger, width: wide, height: high, index: 0, timeSec: 0 };
}
