import type { VideoFrame } from '@lipsync/contracts';
import { headBox, resizeBox } from '@lipsync/face-crop';

/**
 * A video frame with a face image laid over its place: resized as OpenCV's bilinear `resize` does, with hard edges;
 * parts beyond the frame are left out.
 *
 * @param frame borrowed; not changed.
 * @param face RGB, 0..255, a DINet head crop.
 * @param pose centre x, centre y and side of the head crop's mouth box, in pixels of the frame.
 * @returns a new frame.
 */
export function layFace(
  frame: VideoFrame,
  face: { data: Uint8Array; width: number; height: number },
  pose: ArrayLike<number>,
): VideoFrame {
  const [x, y, side] = [pose[0], pose[1], pose[2]];
  const head = headBox(side);
  const [left, top] = [Math.round(x - side / 2 - head.left), Math.round(y - side / 2 - head.top)];
  const whole = { left: 0, top: 0, width: face.width, height: face.height };
  const resized = resizeBox({ ...face, index: 0, timeSec: 0 }, whole, head);
  const data = frame.data.slice();
  const first = Math.max(0, -left);
  const end = Math.min(head.width, frame.width - left);
  for (let row = Math.max(0, -top); row < Math.min(head.height, frame.height - top) && end > first; row++) {
    const from = (row * head.width + first) * 3;
    const pixels = resized.subarray(from, from + (end - first) * 3);
    data.set(pixels, ((top + row) * frame.width + left + first) * 3);
  }
  return { ...frame, data };
}
