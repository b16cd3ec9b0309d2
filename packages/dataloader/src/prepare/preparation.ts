import { fail } from '@lipsync/contracts';

/** Least and largest values of `ClipQuality` with which a clip is kept. */
export type QualityGates = {
  /** Pixels of the source. Default 0: all. */
  minFaceSize: number;
  /** Default 1: all. The thesis takes 0.17 for its test set; what it measures there is not said, see `faceAsymmetry`. */
  maxAsymmetry: number;
  /** Share of the mouth's landmarks inside the frame in the worst frame. Default 0. */
  minLipsInside: number;
  /** Variance of the Laplacian of the stored frames. Default 0. */
  minSharpness: number;
  /** Mean detection score of the track, 0..1. Default 0. */
  minScore: number;
  /** Share of frames during which somebody speaks. Default 0. */
  minVoiced: number;
};

/** What is done to videos, and what is kept of them. Plain data: it is written into the store. */
export type Preparation = {
  /** How cuts are found, see `ShotDetector`; `none`: a face that stays in place is followed over them. */
  shots: 'adaptive' | 'content' | 'none';
  /** Of `ShotDetector`: its adaptive threshold, or that of its content. */
  shotThreshold?: number;
  /**
   * Of faces that are seen at the same time: `all`; the `largest`; or the one that is `talking`, by the confidence that a sync network has
   * in it (all, where there is no network).
   */
  faces: 'all' | 'largest' | 'talking';
  /** Shorter clips are dropped, frames. */
  minFrames: number;
  /** Longest segment, seconds. */
  segmentSec: number;
  /** A rest shorter than this joins the segment before it, seconds. */
  minSegmentSec: number;
  /** Audio whose largest sample is below this, full scale 1, counts as silent. */
  silencePeak: number;
  /** What a sync network is asked for: to `measure` the offset of each clip, or to `correct` it, too, by moving the audio. */
  offset: 'correct' | 'measure' | 'none';
  /** Offsets up to this many frames stay as they are; and as many may be left after a correction. */
  keepOffset: number;
  /** Clips further off are dropped, frames. */
  maxOffset: number;
  /**
   * No audio is moved where `LSE-C * sqrt(windows / 100)` is below this: a short clip must be clearer than a long one. 0.05 suits networks of unit
   * embeddings: 1.2 s of video need 0.11, and 99 of 100 such readings are right within a frame; SyncNet's numbers are ten times as large.
   */
  correctionConfidence: number;
  /** Clips with a confidence below this are dropped. */
  minConfidence: number;
  gates: QualityGates;
};

/** Keeps whatever can be used. */
export const OPEN_GATES: QualityGates = {
  minFaceSize: 0,
  maxAsymmetry: 1,
  minLipsInside: 0,
  minSharpness: 0,
  minScore: 0,
  minVoiced: 0,
};

/** For videos of which nothing is known. */
export const GENERAL: Preparation = {
  shots: 'adaptive',
  faces: 'talking',
  minFrames: 20,
  segmentSec: 10,
  minSegmentSec: 3,
  silencePeak: 0.001,
  offset: 'correct',
  keepOffset: 1,
  maxOffset: 15,
  correctionConfidence: 0.05,
  minConfidence: 0,
  gates: OPEN_GATES,
};

/**
 * Named preparations. What a source does not say is as in `general`.
 *
 * - `thesis-hdtf`: segments of 5 to 10 s, a rest below 3 s joined to the last, no search for cuts, offsets corrected.
 * - `thesis-hallo3`: its cross-check set: whole videos of frontal faces (asymmetry up to 17 %) whose lips are always seen, offsets as they are.
 * - `latentsync`: cuts found with its threshold 2, segments of 5 s, offsets up to 6 frames with a confidence of at least 3 (of SyncNet v2: give
 *   that network), faces of at least 80 pixels found with a score of at least 0.5. Its quality filter, HyperIQA, is not here.
 * - `wav2lip-lrs`: tracks of LRS as they are, three windows of five frames long at least.
 * - `grid`, `lrw`: one clip a video, one face, nothing moved.
 */
export const PREPARATIONS = {
  general: GENERAL,
  'thesis-hdtf': { ...GENERAL, shots: 'none', faces: 'largest' },
  'thesis-hallo3': {
    ...GENERAL,
    shots: 'none',
    faces: 'largest',
    segmentSec: 3600,
    offset: 'measure',
    gates: { ...OPEN_GATES, maxAsymmetry: 0.17, minLipsInside: 1 },
  },
  latentsync: {
    ...GENERAL,
    shotThreshold: 2,
    faces: 'largest',
    segmentSec: 5,
    maxOffset: 6,
    keepOffset: 0,
    correctionConfidence: 0,
    minConfidence: 3,
    gates: { ...OPEN_GATES, minFaceSize: 80, minScore: 0.5 },
  },
  'wav2lip-lrs': { ...GENERAL, shots: 'none', faces: 'largest', minFrames: 15, segmentSec: 60, offset: 'none' },
  grid: { ...GENERAL, shots: 'none', faces: 'largest', offset: 'measure' },
  lrw: { ...GENERAL, shots: 'none', faces: 'largest', offset: 'measure' },
} as const satisfies Record<string, Preparation>;

export type PreparationName = keyof typeof PREPARATIONS;

/** Refuses a preparation that makes no sense; returns it. */
export function assertPreparation(where: string, preparation: Preparation): Preparation {
  const { gates } = preparation;
  const one = (name: 'shots' | 'faces' | 'offset', allowed: string[]) => {
    if (!allowed.includes(preparation[name]))
      fail(TypeError, where, `preparation.${name}`, allowed.join(' or '), preparation[name]);
  };
  one('shots', ['adaptive', 'content', 'none']);
  one('faces', ['all', 'largest', 'talking']);
  one('offset', ['correct', 'measure', 'none']);
  if (!(Number.isInteger(preparation.minFrames) && preparation.minFrames > 0)) {
    fail(RangeError, where, 'minFrames', 'a whole number above 0', preparation.minFrames);
  }
  for (const name of ['keepOffset', 'maxOffset'] as const) {
    if (!(Number.isInteger(preparation[name]) && preparation[name] >= 0)) {
      fail(RangeError, where, `preparation.${name}`, 'a whole number, 0 or more', preparation[name]);
    }
  }
  const numbers: [string, number][] = [
    ['silencePeak', preparation.silencePeak],
    ['sureConfidence', preparation.correctionConfidence],
    ['minConfidence', preparation.minConfidence],
    ...Object.entries(gates).map(([name, value]): [string, number] => [`gates.${name}`, value]),
  ];
  for (const [name, value] of numbers) {
    if (!(Number.isFinite(value) && value >= 0)) fail(RangeError, where, `preparation.${name}`, 'at least 0', value);
  }
  return preparation;
}
