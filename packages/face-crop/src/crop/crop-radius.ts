import { type FaceTrack, fail } from '@lipsync/contracts';
import { median } from '@lipsync/nn/arrays';
import { assertFaceTrack } from '../track/face-track';
import { headRegion } from './head-box';

/** Statistics of crop radii over a video, pixels. */
export type CropRadiusStatistics = {
  min: number;
  max: number;
  /** Rounded down. */
  mean: number;
  /** Rounded down. */
  median: number;
  /** Windows that gave a radius, and windows that were skipped. */
  windows: number;
  skipped: number;
};

/** How crop radii are measured. */
export type CropRadiusOptions = {
  /** Size of the frames: windows whose head crop would leave the frame are skipped. Default: not checked. */
  image?: { width: number; height: number };
  /** Frames in a window. Default 16, the thesis's. */
  window?: number;
};

/** Factor from the landmarks to the radius; DINet's without its random part. */
const MARGIN = 1.05;

/**
 * The crop radii of DINet's head crop over the windows of a video.
 *
 * A frame's radius is `floor(max((lowest y - y29) · 1.05, (x54 - x48) · 1.05) / 2)`; a window's is
 * `(floor(R / 4) + 1) · 4` of the largest R in it. Windows are skipped where the largest R exceeds 1.5 times the
 * smallest (or is not above 0), or where the head crop leaves the image in a frame. Of N frames the windows start at 0
 * … N - 17, as in the thesis (the last one that would fit is not used); up to 16 frames are one window.
 *
 * Source: DINet's rule for clips, the thesis's statistics over a video. Mirrored faces count by the mouth's width.
 *
 * @throws Error if no window gives a radius; RangeError if the window is not a whole number.
 * @example
 * const { mean } = cropRadiusStatistics(track, { image: { width: 1280, height: 720 } });
 */
export function cropRadiusStatistics(
  track: FaceTrack,
  { image, window = 16 }: CropRadiusOptions = {},
): CropRadiusStatistics {
  const where = 'cropRadiusStatistics';
  assertFaceTrack(where, track);
  if (!(Number.isInteger(window) && window > 0)) fail(RangeError, where, 'window', 'a whole number above 0', window);
  const { frameCount, points } = track;
  const starts = Math.max(1, frameCount - window);
  const radii: number[] = [];
  for (let start = 0; start < starts; start++) {
    const end = Math.min(start + window, frameCount);
    const radius = windowRadius(points, start, end);
    if (radius !== undefined && (!image || staysInside(points, start, end, radius, image))) radii.push(radius);
  }
  if (radii.length === 0) {
    fail(
      Error,
      where,
      'track',
      `one whose head crop is steady and inside the image in one of ${starts} windows`,
      'none',
    );
  }
  const mean = radii.reduce((sum, radius) => sum + radius, 0) / radii.length;
  return {
    min: radii.reduce((a, b) => Math.min(a, b)),
    max: radii.reduce((a, b) => Math.max(a, b)),
    mean: Math.floor(mean),
    median: Math.floor(median(radii)),
    windows: radii.length,
    skipped: starts - radii.length,
  };
}

/**
 * DINet's crop radius for a whole video: the mean over its windows of 16 frames, rounded to a multiple of 4.
 *
 * A frame's radius is `floor(max((lowest y - y29) · 1.05, |x54 - x48| · 1.05) / 2)`; a window's is
 * `(floor(R / 4) + 1) · 4` of the largest R in it.
 *
 * Source: DINet's rule for clips, the thesis's mean over a video.
 *
 * @returns pixels, at least 4; the mouth box has twice this side.
 * @throws Error if no window gives a radius; RangeError if the window is not a whole number.
 * @example
 * import { videoCropRadius } from '@lipsync/face-crop';
 * const radius = videoCropRadius(track, { image: { width: 1280, height: 720 } });
 */
export function videoCropRadius(track: FaceTrack, options: CropRadiusOptions = {}): number {
  return Math.max(4, Math.round(cropRadiusStatistics(track, options).mean / 4) * 4);
}

function windowRadius(points: Float32Array, start: number, end: number): number | undefined {
  let smallest = Infinity;
  let largest = 0;
  for (let frame = start; frame < end; frame++) {
    const at = frame * 136;
    let lowest = -Infinity;
    for (let i = 0; i < 68; i++) lowest = Math.max(lowest, points[at + 2 * i + 1]);
    const height = (lowest - points[at + 2 * 29 + 1]) * MARGIN;
    // DINet has no absolute value: its width turns negative for mirrored points
    const width = Math.abs(points[at + 2 * 54] - points[at + 2 * 48]) * MARGIN;
    const radius = Math.floor(Math.max(height, width) / 2);
    smallest = Math.min(smallest, radius);
    largest = Math.max(largest, radius);
  }
  if (smallest <= 0 || largest > 1.5 * smallest) return undefined;
  return (Math.floor(largest / 4) + 1) * 4;
}

function staysInside(
  points: Float32Array,
  start: number,
  end: number,
  radius: number,
  { width, height }: { width: number; height: number },
): boolean {
  for (let frame = start; frame < end; frame++) {
    const head = headRegion(points, 2 * radius, frame * 136);
    if (head.left < 0 || head.top < 0 || head.left + head.width > width || head.top + head.height > height)
      return false;
  }
  return true;
}
