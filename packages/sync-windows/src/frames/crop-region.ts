import type { FrameRegion, StoredCrop } from '@lipsync/contracts';
import { type CropPlan, sampleSquare } from '@lipsync/face-crop';

/** Pixels between a crop and the edge of its region: readers interpolate colours there, and sampling reads one more. */
const MARGIN = 12;

/** Regions lie on a grid of so many pixels: a video stores colour at a lower resolution than brightness. */
const GRID = 8;

/** A larger share of the frame is not worth a decoding of its own. */
const LARGEST_SHARE = 0.75;

/**
 * The part of the frames in which all crops of all tracks lie, where crops are rotated squares (`similarity`, `dinet`).
 *
 * @returns undefined where it would be most of the frame, or crops are of another kind.
 * @example
 * const region = cropRegion([planCrops(track, stored, frame)], stored, frame);
 */
export function cropRegion(
  plans: readonly CropPlan[],
  stored: StoredCrop,
  frame: { width: number; height: number },
): FrameRegion | undefined {
  if ((stored.kind !== 'similarity' && stored.kind !== 'dinet') || plans.length === 0) return undefined;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { poses } of plans) {
    for (let i = 0; i < poses.length; i += 4) {
      const reach = (poses[i + 2] / 2) * (Math.abs(Math.cos(poses[i + 3])) + Math.abs(Math.sin(poses[i + 3]))) + MARGIN;
      left = Math.min(left, poses[i] - reach);
      right = Math.max(right, poses[i] + reach);
      top = Math.min(top, poses[i + 1] - reach);
      bottom = Math.max(bottom, poses[i + 1] + reach);
    }
  }
  const [x, width] = within(left, right, frame.width);
  const [y, height] = within(top, bottom, frame.height);
  if (!(width > 0 && height > 0) || width * height > LARGEST_SHARE * frame.width * frame.height) return undefined;
  if (width % 2 === 1 || height % 2 === 1) return undefined;
  return { left: x, top: y, width, height };
}

/** Start and length on the grid, inside the frame; a crop beyond the frame needs the frame's edge. */
function within(from: number, to: number, side: number): [number, number] {
  const start = Math.min(side - 1, Math.max(0, Math.floor(from / GRID) * GRID));
  const end = Math.max(1, Math.min(side, Math.ceil(to / GRID) * GRID));
  return [start, end - start];
}

/** The same plan for frames that show the region only: the same crops, up to the rounding of their centres. */
export function planWithin(plan: CropPlan, region: FrameRegion): CropPlan {
  const { poses, width } = plan;
  return {
    ...plan,
    cut(frame, indexInTrack, out) {
      const [x, y, side, angle] = poses.subarray(indexInTrack * 4);
      return sampleSquare(frame, { x: x - region.left, y: y - region.top, side, angle }, width, { out });
    },
  };
}
