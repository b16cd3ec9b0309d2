import type { CollectTracksOptions, LandmarkDetectorOptions } from '@lipsync/face-crop';

/** How much work goes into landmarks. */
export type LandmarkQuality = 'fast' | 'careful';

/**
 * `fast`: the mean of two looks at every second frame, the others filled in: about 5 ms a frame on one core, median distance from
 * `careful` 0.5 px. `careful`: the mean of five looks at every frame: about 30 ms.
 */
export const LANDMARK_QUALITY: Record<
  LandmarkQuality,
  { detector: LandmarkDetectorOptions; collect: CollectTracksOptions; detectionSide?: number }
> = {
  fast: { detector: { crops: 2 }, collect: { every: 2 }, detectionSide: 960 },
  careful: { detector: { crops: 5 }, collect: { every: 1 } },
};
