import type { FaceTrack } from '@lipsync/contracts';
import type { SyncScore, SyncVerdict } from '@lipsync/metrics';
import type { ScoreProtocol } from '../protocol/score-protocol';
import { faceBox } from './face-facts';
import type { FaceBox } from './face-place';

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
  /** The time that shows it, seconds from the video's first frame. */
  fromSec: number;
  toSec: number;
  /**
   * Where the face is: the box around its landmarks, from the brows to the chin, in pixels of the video's upright
   * frames; each edge a median over at most 25 frames. null where no landmarks are known, as of mouths that are cut
   * already and of protocols that take whole frames.
   */
  box: FaceBox | null;
  /** Which one it is, in words such as `left face` or `face from 2.0 to 5.5 s`; null where it is the only one. */
  place: string | null;
  /**
   * An estimate of how much of the speech this face speaks, 0..1: of the frames with speech, by voice activity, the
   * share in which its lips move (`verdict.offsetFrames` is allowed for where there is one). It tells a face that keeps
   * still from one that talks. It does not tell whose voice it is: a mouth that chews or laughs while somebody else
   * speaks counts as speaking, and only the verdict says whether lips and audio match. null with less than half a second
   * of speech, and where no landmarks are known.
   */
  speaking: number | null;
  /**
   * Frames between `fromSec` and `toSec` in which the face was searched and not found: its landmarks, and so its crops,
   * are interpolated between those before and after. null where that is not known.
   */
  filledFrames: number | null;
  /** Frames of the video before and after these, without the face, or without it for too long to be interpolated. */
  missingFrames: number;
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

/** @param measured of the face beside its score; `place` is known once all faces are scored. */
export function faceScore(
  track: FaceTrack,
  score: SyncScore,
  measured: Pick<FaceScore, 'verdict' | 'speaking' | 'missingFrames'>,
): FaceScore {
  const { verdict, speaking, missingFrames } = measured;
  const { perWindow, offsetFrames, offsetSec, atEdge, lseD, lseC, meanDistances, windows } = score;
  return {
    track: track.id,
    firstFrame: track.firstFrame,
    frameCount: track.frameCount,
    fromSec: track.firstFrame / score.fps,
    toSec: (track.firstFrame + track.frameCount) / score.fps,
    box: faceBox(track),
    place: null,
    speaking,
    filledFrames: track.notFound ?? null,
    missingFrames,
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
