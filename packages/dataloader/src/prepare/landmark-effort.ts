import type { CollectTracksOptions, LandmarkDetectorOptions } from '@lipsync/face-crop';

/** How much work goes into landmarks. */
export type LandmarkEffort = 'fast' | 'careful';

/**
 * `fast`: the mean of two looks at every second picture, the others filled in: about 5 ms a picture on one core, median distance from
 * `careful` 0.5 px. `careful`: the mean of five looks at every picture: about 30 ms.
 */
export const LANDMARK_EFFORT: Record<
  LandmarkEffort,
  { detector: LandmarkDetectorOptions; collect: CollectTracksOptions; lookSide?: number }
> = {
  fast: { detector: { crops: 2 }, collect: { every: 2 }, lookSide: 960 },
  careful: { detector: { crops: 5 }, collect: { every: 1 } },
};
