import type { CollectTracksOptions, LandmarkDetectorOptions } from '@lipsync/face-crop';
import type { OptionSpec } from './command';

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

/** The option of the commands that look for faces. */
export const EFFORT_OPTION: OptionSpec = {
  kind: 'choice',
  choices: Object.keys(LANDMARK_EFFORT),
  default: 'fast',
  help: 'landmarks from two looks at every second picture, or from five at each',
};
