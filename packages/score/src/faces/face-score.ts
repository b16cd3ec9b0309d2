import type { FaceTrack } from '@lipsync/contracts';
import type { SyncScore, SyncVerdict } from '@lipsync/metrics';
import type { ScoreProtocol } from '../protocol/score-protocol';

/** The score of one face of a video. */
export type FaceScore = Omit<SyncScore, 'perWindow' | 'alignment' | 'expert' | 'space' | 'edges' | 'fps'> & {
  /** Whether the face is in sync, with a confidence. `offsetFrames` beside it is the shift of lowest distance, always. */
  verdict: SyncVerdict;
  /** The verdict's sentence. */
  sentence: string;
  /** Which face of the video, from 0. */
  track: number;
  /** Index at the recipe's rate of the first frame that shows the face. */
  firstFrame: number;
  /** Frames that show it. */
  frameCount: number;
  /** Mean score of the face detector, 0..1. */
  detectionScore: number;
  /** One value per window: distance at the best offset, and confidence through a median filter of 9. */
  perWindow: { distances: number[]; confidences: number[] };
};

/** The score of one video, or why there is none. Plain data: it can be written as JSON. */
export type VideoScore = {
  file: string;
  fps: number;
  /** Frames at `fps`, in all. */
  frameCount: number;
  faces: FaceScore[];
  /** One result for the file, where the protocol has a rule for several tracks. */
  mean?: { offsetFrames: number; lseC: number; lseD: number };
  /** Why there is no score, or which faces could not be scored. */
  problems: string[];
  /** What is unusual about the file and no problem: several tracks, channels out of phase, damage that was concealed. */
  notes: string[];
  /** How it was measured. */
  protocol: ScoreProtocol;
};

export function faceScore(track: FaceTrack, score: SyncScore, verdict: SyncVerdict): FaceScore {
  const { perWindow, offsetFrames, offsetSec, atEdge, lseD, lseC, meanDistances, windows } = score;
  return {
    track: track.id,
    firstFrame: track.firstFrame,
    frameCount: track.frameCount,
    detectionScore: track.score,
    verdict,
    sentence: verdict.sentence,
    offsetFrames,
    offsetSec,
    atEdge,
    lseD,
    lseC,
    meanDistances,
    windows,
    perWindow: { distances: [...perWindow.distances], confidences: [...perWindow.confidences] },
  };
}
