import type { Manifest } from '../store/store-records';
import type { MeasuredOffsets } from './offset-counts';
import type { Spread } from './spread';
import type { Thumbnail } from './thumbnail';

/** Statistics of a store, and warnings about what is likely to go wrong in training. */
export type DataReport = {
  clips: number;
  minutes: number;
  fps: number;
  /** Videos that gave at least one clip. */
  videos: number;
  /** Number of clips by the frame rate of their video; of clips that record it. */
  videoRates: Record<string, number>;
  /** Who is seen, and what is held for validation; missing before the preparation is finished. */
  people?: {
    by: NonNullable<Manifest['split']>['by'];
    count: number;
    /** Share of the clips that show the person with most of them, 0..1. */
    largestShare: number;
    trainClips: number;
    validationClips: number;
  };
  /** Statistics of pairs drawn as `THESIS_PAIRS` draws them. */
  labels: {
    /** Clips long enough. */
    clips: number;
    /** Share of pairs in sync, 0..1. */
    inSync: number;
    /** Share of the off-sync pairs that are at most 2 frames off, which are hard to tell apart. */
    offSyncWithinTwo: number;
  };
  /** Share of the frames that come from the video with most of them, 0..1. */
  largestVideoShare: number;
  /** Seconds per clip. */
  seconds: Spread;
  /** Side of the stored crop in pixels of the source, mean of each clip: how large faces are. */
  cropSide: Spread;
  /** Size of the face in pixels of the source; of clips that record it. */
  faceSize?: Spread;
  /** Share of each clip with speech, 0..1; of clips that record it. */
  voiced?: Spread;
  /** Mean gray of the middle crop, 0..255, of each clip. */
  brightness: Spread;
  /** Standard deviation of the opening of the inner lips over the clip, in percent of the mouth's width: 0 where lips do not move. */
  lipMovement: Spread;
  /** Number of drops by reason. */
  dropped: Record<string, number>;
  /** Offsets by the given expert, else by the one that measured them in the preparation. */
  offsets?: MeasuredOffsets;
  /** What is likely to go wrong in training. */
  warnings: string[];
  thumbnails: Thumbnail[];
};
