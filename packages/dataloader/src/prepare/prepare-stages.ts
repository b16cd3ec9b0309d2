import type { Landmarks68, VideoFrame } from '@lipsync/contracts';
import type { ShotFinder } from '@lipsync/sync-windows';
import type { OffsetStage } from './segment-offset';

/** The steps of a preparation that can be replaced or left out. */
export type PrepareStages = {
  /** Makes a new finder of cuts for each video. Default: nothing is cut at shots. */
  shots?: () => ShotFinder;
  /** Measures offsets. Default: they stay unknown. */
  offset?: OffsetStage;
  /** Sharpness of a stored frame, such as `laplacianVariance` of @lipsync/metrics. Default: not measured. */
  sharpness?: (rgb: Uint8Array, size: { width: number; height: number }) => number;
  /** Embedding of a face, `[128]`, to tell people apart. Default: clips have none. */
  embed?: (frame: VideoFrame, points: Landmarks68) => Promise<Float32Array>;
};
