import type { VerdictCalibration } from '@lipsync/contracts';

/** What is known of a clip beside the match of its frames and audio. What is left out is not used. */
export type VerdictFacts = {
  /** Share of the frames with speech, 0..1. */
  speechShare?: number;
  /** Different images a second. */
  imagesPerSec?: number;
  /** Size of the face, pixels of the video. */
  faceSize?: number;
  /** How far the face is turned, 0 frontal … 1 profile. */
  turn?: number;
};

/**
 * Why a verdict is what it is.
 *
 * - `found`: one offset stands out.
 * - `offset changes`: the offset is not the same in all parts of the clip.
 * - `too short`: fewer than 8 windows.
 * - `still picture`: nothing moves, as in a photograph.
 * - `low frame rate`: too few different images a second to see speech.
 * - `no speech`: voice activity finds next to none.
 * - `edge of search`: the match gets better up to the last offset that was tried.
 * - `several offsets`: another offset matches nearly as well.
 * - `no match`: no offset matches as it does where the audio belongs to the face.
 */
export type VerdictReason =
  | 'found'
  | 'offset changes'
  | 'too short'
  | 'still picture'
  | 'low frame rate'
  | 'no speech'
  | 'edge of search'
  | 'several offsets'
  | 'no match';

/** A stretch of time and the offset in it. */
export type OffsetInTime = {
  fromSec: number;
  toSec: number;
  /** Positive: the audio leads; null where no offset can be relied on. */
  offsetFrames: number | null;
  /** The offset to a part of a frame; null where `offsetFrames` is. */
  exactFrames: number | null;
  /** As in `SyncVerdict`. */
  confidence: number | null;
};

/** Two stretches between which the offset changes by more than 2 frames; their middles and their offsets. */
export type OffsetDrift = { fromSec: number; toSec: number; fromFrames: number; toFrames: number };

/** Whether a face and the audio are in sync. Plain data: it can be written as JSON. */
export type SyncVerdict = {
  /** `early`, `late`: the audio. `cannot tell` where no offset, or no single one, can be relied on. */
  answer: 'in sync' | 'early' | 'late' | 'cannot tell';
  reason: VerdictReason;
  /** Answer and reason for people. */
  sentence: string;
  /**
   * The probability, 0..1, that the offset is right within one frame, by the calibration of the network; below its
   * `least` where the answer is `cannot tell`, but for an offset that changes. null for a network without a calibration.
   */
  confidence: number | null;
  /** Where the confidence comes from; `none`: the network is not calibrated, and there is none. */
  calibration: string;
  /**
   * Whether the audio is off by 3 frames or more, decided so that 1 % and 5 % of the clips that are off by at most 2 are
   * called so. Of audio that belongs to something else it says nothing. null where the calibration has no thresholds, or
   * nothing can be told whatever matches, such as of a still picture.
   */
  offBy3: { atOnePercent: boolean; atFivePercent: boolean } | null;
  /** Whole frames, positive: the audio leads; null where the answer is `cannot tell`. */
  offsetFrames: number | null;
  offsetSec: number | null;
  /** The offset to a part of a frame, and its standard deviation by the noise of the measurement; null where unknown. */
  exactFrames: number | null;
  spreadFrames: number | null;
  /** Stretches with offsets of their own, in order: one, or several where the offset changes. */
  parts: OffsetInTime[];
  /** The offset of about every four seconds, two seconds apart. */
  overTime: OffsetInTime[];
  /** The largest change in `overTime`, where it is of more than 2 frames; else null. */
  drift: OffsetDrift | null;
  /** What the verdict was made of. */
  evidence: {
    /** The best offset, whether or not it can be relied on. */
    offsetFrames: number | null;
    /** See `AlignmentCurve`. */
    contrast: number | null;
    offMargin: number | null;
    zScore: number | null;
    second: { offsetFrames: number; strength: number } | null;
    windows: number;
    /** Largest offset that was tried for this length, frames. */
    searched: number;
    /** Share of the seconds whose own best offset is within 2 frames of the whole's. */
    agreement: number | null;
    /** Share of the frames' embedding that changes, 0..1. */
    movement: number;
  } & VerdictFacts;
};

export type VerdictOptions = VerdictFacts & {
  /**
   * Turns evidence into confidence: that of the network, `expert.calibration`. Default: none; there is no confidence
   * then, and an answer by a rule: `docs/verdict.md`.
   */
  calibration?: VerdictCalibration;
  /** Seconds from the video's beginning to the first window. Default 0. */
  startSec?: number;
  /** Frames of a window, for the times of changes. Default 1. */
  windowFrames?: number;
};
