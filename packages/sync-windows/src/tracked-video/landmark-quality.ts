import type { CollectTracksOptions, LandmarkDetectorOptions, LandmarkModel } from '@lipsync/face-crop';

/** How much work goes into landmarks. */
export type LandmarkQuality = 'fast' | 'careful';

/** Settings of the landmark detector and of tracking. */
export type LandmarkSettings = {
  detector: LandmarkDetectorOptions;
  collect: CollectTracksOptions;
  /** See `TrackVideoOptions`. */
  detectionSide?: number;
};

/**
 * Settings for the default networks.
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
export const LANDMARK_QUALITY: Record<LandmarkQuality, LandmarkSettings> = {
  fast: { detector: { testTimeViews: 2 }, collect: { stride: 2 }, detectionSide: 960 },
  careful: { detector: { testTimeViews: 5 }, collect: { stride: 1 } },
};

/**
 * Settings for the networks of a name: `LANDMARK_QUALITY`, but `fast` takes one view for `mediapipe`, which the second
 * makes no better.
 *
 * @example
 * const { detector, collect } = landmarkSettings('fast', 'mediapipe');
 * const landmarks = await createLandmarkDetector(detector);
 */
export function landmarkSettings(quality: LandmarkQuality = 'fast', model?: LandmarkModel): LandmarkSettings {
  const settings = LANDMARK_QUALITY[quality];
  const testTimeViews = model === 'mediapipe' && quality === 'fast' ? 1 : settings.detector.testTimeViews;
  return { ...settings, detector: { ...(model ? { model } : {}), testTimeViews } };
}
