import { fail } from '../common/fail';
import type { VideoFrame } from '../media/media';

/** 68 points of the iBUG scheme: x0, y0, x1, y1 …, in pixels of the frame; a pixel's centre is at +0.5. */
export type Landmarks68 = Float32Array;

/** One face in one frame. */
export type FaceLandmarks = {
  points: Landmarks68;
  /** Confidence of the last detection of this face, 0..1. */
  score: number;
  /** The same as long as the same face is tracked. */
  trackId: number;
};

/** Detects and tracks faces. Takes the frames of one video in order; call `reset` before the next video. */
export interface LandmarkDetector {
  readonly scheme: 'ibug68';
  /** Name of its networks; missing where it has none. */
  readonly name?: string;
  /** Smallest face that it finds in frames of a size, from the brows to the chin in pixels; if that is known. */
  smallestFace?(frame: { width: number; height: number }): number;
  /** One entry for each face. */
  detect(frame: VideoFrame): Promise<FaceLandmarks[]>;
  reset(): void;
  dispose(): void;
}

/** One face through a video, without gaps from `firstFrame` on. */
export type FaceTrack = {
  id: number;
  /** Index of the first frame. */
  firstFrame: number;
  /** Number of frames. */
  frameCount: number;
  /** `[frameCount, 68, 2]`, float32, pixels. */
  points: Float32Array;
  /** Mean detection score, 0..1. */
  score: number;
  /** Number of frames whose points are interpolated between two detections. */
  interpolated: number;
  /**
   * Of those, the frames in which the face was searched and not found; the others were not searched. Missing where that
   * is not known, as of landmarks made elsewhere.
   */
  notFound?: number;
  /**
   * `[frameCount, 4]`, float32: left, top, right, bottom of the detector's face box in pixels; undefined where the
   * detector has none.
   */
  boxes?: Float32Array;
};

/**
 * Refuses landmarks that are not 68 finite points.
 *
 * @throws TypeError for another length; RangeError that gives the first point that is not finite.
 * @example
 * assertLandmarks68('crop', new Float32Array(136));
 */
export function assertLandmarks68(where: string, points: Landmarks68): void {
  if (!(points instanceof Float32Array) || points.length !== 136) {
    fail(TypeError, where, 'points', 'a Float32Array of 136 values (68 points x, y)', (points as Float32Array)?.length);
  }
  const bad = points.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail(RangeError, where, 'points', 'finite', `${points[bad]} at point ${bad >> 1}`);
}
