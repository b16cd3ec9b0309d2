import type { Landmarks68, VideoFrame } from '@lipsync/contracts';
import type { ShotFinder } from '@lipsync/sync-windows';
import type { OffsetStage } from './segment-offset';

/** The steps of a preparation that are programs of their own: each can be left out or be another. */
export type PrepareStages = {
  /** A new finder of cuts for each video; left out, nothing is cut at shots. */
  shots?: () => ShotFinder;
  /** Measures offsets; left out, they stay unknown. */
  offset?: OffsetStage;
  /** How sharp a stored frame is, such as `laplacianVariance` of @lipsync/metrics; left out, that stays unknown. */
  sharpness?: (rgb: Uint8Array, size: { width: number; height: number }) => number;
  /** How a face looks, `[128]`, to tell people apart; left out, clips have no `identity`. */
  embed?: (frame: VideoFrame, points: Landmarks68) => Promise<Float32Array>;
};
