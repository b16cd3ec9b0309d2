import type { CollectTracksOptions, LandmarkDetectorOptions } from '@lipsync/face-crop';

/** How much work goes into landmarks. */
export type LandmarkQuality = 'fast' | 'careful';

/**
 * Settings of the landmark detector and of tracking.
 *
 * `fast`: landmarks averaged over two test-time augmentations at every second frame, interpolated between: about 5 ms
 * per frame on one core, median distance from `careful` 0.5 px. `careful`: five augmentations at every frame: about 30
 * ms.
 *
 * @example
 * const { detector, collect, detectionSide } = LANDMARK_QUALITY.fast;
 * const landmarks = await createLandmarkDetector(detector);
 * const video = await openTrackedVideo({ path: 'talk.mp4', reader, detector: landmarks, collect, detectionSide });
 */
export const LANDMARK_QUALITY: Record<
  LandmarkQuality,
  { detector: LandmarkDetectorOptions; collect: CollectTracksOptions; detectionSide?: number }
> = {
  fast: { detector: { testTimeViews: 2 }, collect: { stride: 2 }, detectionSide: 960 },
  careful: { detector: { testTimeViews: 5 }, collect: { stride: 1 } },
};
