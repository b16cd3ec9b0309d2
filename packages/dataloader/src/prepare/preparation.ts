import * as v from 'valibot';
import { checkJson } from '../store/check-json';

/** Smallest and largest values of `ClipQuality` with which a clip is kept. */
export type QualityGates = {
  /** Pixels of the source. Default 0: all. */
  minFaceSize: number;
  /**
   * 0 frontal … 1 profile. Default 1: all. The thesis takes 0.17 for its test set without saying what is measured; see
   * `faceAsymmetry`.
   */
  maxAsymmetry: number;
  /** Distance of the face from the middle of the frame, 0 in the middle, 1 at an edge. Default 1: all. */
  maxOffCentre: number;
  /** Share of the mouth's landmarks inside the frame, 0..1, in the frame with the fewest. Default 0: all. */
  minLipsInside: number;
  /** Sharpness of the stored frames, by the stage `sharpness`. Default 0: all. */
  minSharpness: number;
  /** Mean detection score of the track, 0..1. Default 0: all. */
  minScore: number;
  /** Share of frames with speech, 0..1. Default 0: all. */
  minVoiced: number;
};

/** The steps of a preparation and which clips it keeps. Plain data: it is written into the store. */
export type Preparation = {
  /** How cuts are found, see `ShotDetector`; `none`: a face that stays in place is followed over them. */
  shots: 'adaptive' | 'content' | 'none';
  /** Threshold of `ShotDetector`. Default: its own. */
  shotThreshold?: number;
  /**
   * Of faces seen at the same time: `all`; the `largest`; or the one that is `talking`, by the confidence of the sync
   * network (all, where there is no network).
   */
  faces: 'all' | 'largest' | 'talking';
  /**
   * How frames are stored. `dinet head`: DINet's face images, with mouth boxes of the recipe's size. Default: as
   * `storedCropFor` says.
   */
  storage?: 'dinet head';
  /** Shorter clips are dropped, frames. */
  minFrames: number;
  /** Longest segment, seconds. */
  segmentSec: number;
  /** A remainder shorter than this joins the segment before it, seconds. */
  minSegmentSec: number;
  /** Audio whose largest sample is below this, full scale 1, counts as silent. */
  silencePeak: number;
  /**
   * `measure`: the offset of each clip is measured; `correct`: and the audio is moved by it. Both need a sync network.
   */
  offset: 'correct' | 'measure' | 'none';
  /** Offsets up to this many frames are not corrected. */
  toleratedOffset: number;
  /** Clips with a larger offset are dropped, frames. */
  maxOffset: number;
  /** Clips with a larger offset after the correction are dropped, frames. */
  maxRemainingOffset: number;
  /**
   * How offsets are decided on. `verdict`: by the network's `syncVerdict`. The audio is moved by an offset that has a
   * confidence of at least `moveConfidence`. A clip without an answer stays as it is with a confidence of at least
   * `keepConfidence`, or of at least 0.7 where the likeliest offset is within 2 frames; others are dropped, `offset
   * unknown`: audio of something else, a photograph, a listener. `lse-c`, as published pipelines do: by LSE-C,
   * `correctionConfidence` and `minConfidence`. Default `lse-c`.
   */
  offsetRule?: 'verdict' | 'lse-c';
  /**
   * Least confidence of the verdict with which a clip without an answer is kept, 0..1. Default 0.8: with the packaged
   * network 1 of 483 whole clips was dropped with its own audio, 30 of 483 were kept and 9 moved with that of others,
   * all of them GRID's sentences, which are said by one grammar. Shorter clips are less sure: of pieces of 3 seconds of
   * natural speech 11 % are dropped, 5 % with 0.5 here and for `moveConfidence`; 0.5 keeps a fifth of GRID's wrong pairs.
   */
  keepConfidence?: number;
  /** Least confidence of the verdict with which audio is moved, 0..1; clips below it are dropped. Default 0.97. */
  moveConfidence?: number;
  /**
   * With the rule `lse-c`: the audio is moved only where `LSE-C * sqrt(windows / 100)` reaches this: a short clip must
   * be clearer than a long one. 0.05 suits networks of unit embeddings: 1.2 s of video need 0.11, and 99 of 100 such
   * readings are right within a frame; SyncNet's values are ten times as large.
   */
  correctionConfidence: number;
  /** With the rule `lse-c`: clips with a lower LSE-C are dropped. */
  minConfidence: number;
  gates: QualityGates;
};

/** Gates that every clip passes. */
export const OPEN_GATES: QualityGates = {
  minFaceSize: 0,
  maxAsymmetry: 1,
  maxOffCentre: 1,
  minLipsInside: 0,
  minSharpness: 0,
  minScore: 0,
  minVoiced: 0,
};

/** What the presets have in common. */
const COMMON: Preparation = {
  shots: 'adaptive',
  faces: 'talking',
  minFrames: 20,
  segmentSec: 10,
  minSegmentSec: 3,
  silencePeak: 0.001,
  offset: 'correct',
  toleratedOffset: 1,
  maxOffset: 15,
  maxRemainingOffset: 1,
  correctionConfidence: 0.05,
  minConfidence: 0,
  gates: OPEN_GATES,
};

/** The preparation for videos of which nothing is known. */
export const GENERAL: Preparation & { keepConfidence: number; moveConfidence: number } = {
  ...COMMON,
  offsetRule: 'verdict',
  keepConfidence: 0.8,
  moveConfidence: 0.97,
};

/**
 * Named preparations. Where a source is silent, the value of `general` stands.
 *
 * - `thesis-hdtf`: segments of up to 10 s, a remainder below 3 s joined to the last, no search for cuts, DINet's face
 *   images stored. Every offset other than 0 is corrected, however small and whatever the confidence, and no clip is
 *   dropped for its offset (15 frames are as far as networks look). The thesis measures with SyncNet: give that
 *   network. It finds landmarks again after the correction; here moving the audio does not touch the frames, so they
 *   stay.
 * - `thesis-hallo3`: the thesis's cross-dataset test set: whole videos of frontal faces (asymmetry up to 17 %) near the
 *   centre whose lips are always visible, offsets as they are. The thesis does not say how near: here the middle of the
 *   face lies in the middle third of the frame, in both directions (0.33).
 * - `latentsync`: cuts found with its threshold 2, segments of 5 s, offsets up to 6 frames with a confidence of at
 *   least 3 (of SyncNet v2: give that network), faces of at least 80 pixels found with a score of at least 0.5. Its
 *   quality filter, HyperIQA, is not implemented.
 * - `wav2lip-lrs`: tracks of LRS as they are, longer than three windows of five frames.
 * - `grid`, `lrw`: one clip per video, one face, offsets measured only.
 */
export const PREPARATIONS = {
  general: GENERAL,
  'thesis-hdtf': {
    ...COMMON,
    shots: 'none',
    faces: 'largest',
    storage: 'dinet head',
    toleratedOffset: 0,
    maxRemainingOffset: 15,
    correctionConfidence: 0,
  },
  'thesis-hallo3': {
    ...COMMON,
    shots: 'none',
    faces: 'largest',
    storage: 'dinet head',
    segmentSec: 3600,
    offset: 'measure',
    gates: { ...OPEN_GATES, maxAsymmetry: 0.17, maxOffCentre: 0.33, minLipsInside: 1 },
  },
  latentsync: {
    ...COMMON,
    shotThreshold: 2,
    faces: 'largest',
    segmentSec: 5,
    maxOffset: 6,
    toleratedOffset: 0,
    correctionConfidence: 0,
    minConfidence: 3,
    gates: { ...OPEN_GATES, minFaceSize: 80, minScore: 0.5 },
  },
  'wav2lip-lrs': { ...COMMON, shots: 'none', faces: 'largest', minFrames: 16, segmentSec: 60, offset: 'none' },
  grid: { ...COMMON, shots: 'none', faces: 'largest', offset: 'measure' },
  lrw: { ...COMMON, shots: 'none', faces: 'largest', offset: 'measure' },
} as const satisfies Record<string, Preparation>;

/** Names of `PREPARATIONS`. */
export type PreparationName = keyof typeof PREPARATIONS;

const amount = v.pipe(v.number(), v.finite('finite'), v.minValue(0));
const wholeFrames = v.pipe(v.number(), v.integer('a whole number'), v.minValue(0));

const preparationSchema: v.GenericSchema<unknown, Preparation> = v.object({
  shots: v.picklist(['adaptive', 'content', 'none']),
  shotThreshold: v.optional(amount),
  faces: v.picklist(['all', 'largest', 'talking']),
  storage: v.optional(v.literal('dinet head')),
  minFrames: v.pipe(v.number(), v.integer('a whole number'), v.minValue(1)),
  segmentSec: amount,
  minSegmentSec: amount,
  silencePeak: amount,
  offset: v.picklist(['correct', 'measure', 'none']),
  toleratedOffset: wholeFrames,
  maxOffset: wholeFrames,
  maxRemainingOffset: wholeFrames,
  offsetRule: v.optional(v.picklist(['verdict', 'lse-c'])),
  keepConfidence: v.optional(v.pipe(amount, v.maxValue(1))),
  moveConfidence: v.optional(v.pipe(amount, v.maxValue(1))),
  correctionConfidence: amount,
  minConfidence: amount,
  gates: v.object({
    minFaceSize: amount,
    maxAsymmetry: amount,
    maxOffCentre: amount,
    minLipsInside: amount,
    minSharpness: amount,
    minScore: amount,
    minVoiced: amount,
  }),
});

/** Refuses a preparation with a value out of range; returns it. */
export function assertPreparation(where: string, preparation: Preparation): Preparation {
  return checkJson(preparationSchema, preparation, { where, name: 'preparation.' });
}
