import type { DataReport } from '@lipsync/dataloader';

export const MADE_SPREAD = { least: 1, median: 2, greatest: 3, low: 0, high: 4, bins: [0, 3, 1] };

/** A report with text that must be escaped, an offset of 3 frames, and no thumbnails. */
export const MADE_REPORT: DataReport = {
  clips: 4,
  minutes: 1.25,
  fps: 25,
  videos: 2,
  videoRates: { 25: 3, 29.97: 1 },
  people: { by: 'face', count: 2, largestShare: 0.75, trainClips: 3, validationClips: 1 },
  labels: { clips: 4, inSync: 0.5, offSyncWithinTwo: 0.034 },
  largestVideoShare: 0.6,
  seconds: MADE_SPREAD,
  cropSide: MADE_SPREAD,
  brightness: MADE_SPREAD,
  lipMovement: MADE_SPREAD,
  dropped: { silent: 2, 'no face': 5 },
  offsets: {
    expert: 'AVAlignNet',
    counts: [-3, -2, -1, 0, 1, 2, 3].map((offsetFrames) => ({ offsetFrames, clips: offsetFrames === 3 ? 1 : 0 })),
    beyondTwo: 0.25,
    unknown: 2,
    leftOut: 1,
    corrected: 1,
  },
  warnings: ['2 videos only: a network will <learn> these'],
  thumbnails: [],
};
