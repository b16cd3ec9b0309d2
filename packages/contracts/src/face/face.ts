import { fail } from '../fail';
import type { VideoFrame } from '../media/media';

/** 68 points of the iBUG scheme: x0, y0, x1, y1 …, in pixels of the frame; a pixel's centre is at +0.5. */
export type Landmarks68 = Float32Array;

/** One face in one frame. */
export type FaceLandmarks = {
  points: Landmarks68;
  /** Confidence of the last detection of this face, 0..1. */
  score: number;
  /** The same number while the same face is followed. */
  trackId: number;
};

/** Finds and follows faces. Feed the frames of one video in order; `reset` before the next video. */
export interface LandmarkDetector {
  readonly scheme: 'ibug68';
  /** One entry a face, empty where there is none. */
  detect(frame: VideoFrame): Promise<FaceLandmarks[]>;
  reset(): void;
  dispose(): void;
}

/** One face through a video, gap-free from `firstFrame` on. */
export type FaceTrack = {
  id: number;
  /** Index of the first frame that shows it. */
  firstFrame: number;
  /** Number of frames. */
  frameCount: number;
  /** `[frames, 68, 2]`, float32, pixels. */
  points: Float32Array;
  /** Mean detection score, 0..1. */
  score: number;
  /** Frames whose points were filled in between two detections. */
  interpolated: number;
  /** `[frames, 4]`, float32: left, top, right, bottom of the detector's face box in pixels, where there are such. */
  boxes?: Float32Array;
};

/** Refuses what is not 68 finite points. */
export function assertLandmarks68(where: string, points: Landmarks68): void {
  if (!(points instanceof Float32Array) || points.length !== 136) {
    fail(
      TypeError,
      where,
      'points',
      'a Float32Array of 136 numbers (68 points x, y)',
      (points as Float32Array)?.length,
    );
  }
  const bad = points.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail(RangeError, where, 'points', 'finite', `${points[bad]} at point ${bad >> 1}`);
}
