import { headBoxOf } from '@lipsync/face-crop';
import type { Clip } from '../store/clip';

/** The middle frame of a clip and its landmarks. */
export type Thumbnail = {
  id: string;
  /** Pixels. */
  height: number;
  width: number;
  /** `[height, width, 3]`, RGB, 0..255. */
  rgb: Uint8Array;
  /** `[68, 2]`, pixels of the crop; points may lie outside it. */
  landmarks: Float32Array;
};

/** @param clip whose `frames` are the middle one only. */
export function thumbnailOf(
  clip: Pick<Clip, 'id' | 'height' | 'width' | 'frames' | 'frameCount' | 'poses' | 'landmarks'>,
): Thumbnail {
  const { id, height, width, frames, frameCount, poses, landmarks } = clip;
  const middle = frameCount >> 1;
  const [x, y, side, angle] = poses.subarray(4 * middle);
  // A head crop stands upright as the frame does, and its pose is that of the mouth box: as far from the bottom as from
  // the sides.
  const [cos, sin] = height === width ? [Math.cos(angle), Math.sin(angle)] : [1, 0];
  const [scale, left, top] =
    height === width ? [width / side, width / 2, height / 2] : headPlace({ height, width }, side);
  const placed = new Float32Array(136);
  for (let i = 0; i < 136; i += 2) {
    const [dx, dy] = [landmarks[136 * middle + i] - x, landmarks[136 * middle + i + 1] - y];
    // The crop is turned by `angle`: turn back, then into pixels of the crop.
    placed[i] = (dx * cos + dy * sin) * scale + left;
    placed[i + 1] = (dy * cos - dx * sin) * scale + top;
  }
  return { id, height, width, rgb: frames.slice(), landmarks: placed };
}

/** Scale from the source to the head crop, and the middle of its mouth box. */
function headPlace(head: { height: number; width: number }, side: number): [number, number, number] {
  const { mouth, left, top } = headBoxOf(head);
  return [mouth / side, left + mouth / 2, top + mouth / 2];
}
