import { fail } from '@lipsync/contracts';

export type SegmentOptions = {
  /** Frames per second. Default 25. */
  fps?: number;
  /** Feature steps per second. Default 80. */
  stepsPerSecond?: number;
  /** Length of a segment, seconds. Default 10. */
  segmentSec?: number;
  /** A remainder shorter than this joins the segment before it, seconds. Default 3. */
  minSegmentSec?: number;
};

/** A piece of a track, by frames of the video. */
export type Segment = { firstFrame: number; frameCount: number };

/**
 * Frames after which a whole number of feature steps has passed: 5 at 25 frames and 80 steps per second. Segments start
 * at multiples of it, so that floor(3.2 f) counted from the segment is the same as counted from the video.
 */
export function featureAlignedFrames(fps: number, stepsPerSecond: number): number {
  for (let frameCount = 1; frameCount <= 1000; frameCount++) {
    if (Number.isInteger((frameCount * stepsPerSecond) / fps)) return frameCount;
  }
  return fail(
    RangeError,
    'featureAlignedFrames',
    'fps',
    `a rate at which ${stepsPerSecond} feature steps per second meet a frame`,
    fps,
  );
}

/**
 * Cuts a track into segments that start where frame and feature step meet; up to four frames before the first such
 * place are lost.
 *
 * @param firstFrame First frame of the track in the video.
 * @param frameCount Frames in the track.
 * @returns segments in order, none for a track that ends before the first such place.
 * @example
 * trackSegments(3, 560); // [{ firstFrame: 5, frameCount: 250 }, { firstFrame: 255, frameCount: 308 }]
 */
export function trackSegments(firstFrame: number, frameCount: number, options: SegmentOptions = {}): Segment[] {
  const { fps = 25, stepsPerSecond = 80, segmentSec = 10, minSegmentSec = 3 } = options;
  const align = featureAlignedFrames(fps, stepsPerSecond);
  const length = Math.floor((segmentSec * fps) / align) * align;
  if (!(length > 0)) fail(RangeError, 'trackSegments', 'segmentSec', `at least ${align / fps} s`, segmentSec);
  if (!(minSegmentSec >= 0 && minSegmentSec <= segmentSec)) {
    fail(RangeError, 'trackSegments', 'minSegmentSec', `within 0..segmentSec (${segmentSec})`, minSegmentSec);
  }
  const end = firstFrame + frameCount;
  const segments: Segment[] = [];
  for (let start = Math.ceil(firstFrame / align) * align; start < end; start += length) {
    const rest = end - start;
    const before = segments[segments.length - 1];
    if (before && rest < minSegmentSec * fps) before.frameCount += rest;
    else segments.push({ firstFrame: start, frameCount: Math.min(length, rest) });
  }
  return segments;
}
