import { type FaceTrack, type FrameRegion, fail } from '@lipsync/contracts';
import { medianFilter } from '@lipsync/nn/arrays';
import { faceBoxes } from './face-box';

const MEDIAN = 13; // frames

/**
 * The crops of SyncNet's `run_pipeline`: centre and half of the longer side of each face box through a median filter of
 * 13 frames, zeros beyond the track's ends, which makes crops shrink there; then `scale` of margin at the sides and
 * twice as much below.
 *
 * Source: joonson/syncnet_python, `crop_video`: rows `[y - s, y + s (1 + 2c))`, columns
 * `[x - s (1 + c), x + s (1 + c))`, cut at whole pixels of an image padded by `int(s (1 + 2c))`.
 *
 * @param scale `c`; 0.4 in all published numbers.
 * @returns a region of whole pixels for each frame; it may reach beyond the image, where the reference has gray 110.
 * @throws RangeError for a scale below 0.
 * @example
 * const [first] = pipelineCrops(track, 0.4);
 */
export function pipelineCrops(track: FaceTrack, scale: number): FrameRegion[] {
  if (!(scale >= 0 && Number.isFinite(scale))) fail(RangeError, 'pipelineCrops', 'scale', 'at least 0', scale);
  const boxes = faceBoxes(track);
  const column = (of: (left: number, top: number, right: number, bottom: number) => number) =>
    medianFilter(
      Array.from({ length: track.frameCount }, (_, i) =>
        of(boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]),
      ),
      MEDIAN,
    );
  const half = column((left, top, right, bottom) => Math.max(bottom - top, right - left) / 2);
  const x = column((left, _, right) => (left + right) / 2);
  const y = column((_, top, __, bottom) => (top + bottom) / 2);
  return Array.from({ length: track.frameCount }, (_, i) => {
    const s = half[i];
    const pad = Math.trunc(s * (1 + 2 * scale));
    const [my, mx] = [y[i] + pad, x[i] + pad];
    const [top, bottom] = [Math.trunc(my - s), Math.trunc(my + s * (1 + 2 * scale))];
    const [left, right] = [Math.trunc(mx - s * (1 + scale)), Math.trunc(mx + s * (1 + scale))];
    return { left: left - pad, top: top - pad, width: right - left, height: bottom - top };
  });
}
