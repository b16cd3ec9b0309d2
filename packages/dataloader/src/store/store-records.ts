import type { AudioFeatureName, StoredCrop } from '@lipsync/contracts';
import { AUDIO_FEATURES } from '@lipsync/contracts';
import * as v from 'valibot';
import type { ClipInfo, ClipOffset, ClipQuality, OffsetReading, OffsetVerdict, StoreRecipe } from './clip';

/** Reasons for which a video, a face track or a segment is left out of a store. */
const DROP_REASONS = [
  'broken',
  'no such track',
  'decoder failed',
  'no video',
  'no audio',
  'silent',
  'no face',
  'too short',
  'audio too short',
  'crop impossible',
  'bad landmarks',
  'bad features',
  'not talking',
  'offset unknown',
  'offset changes',
  'offset too large',
  'offset stays',
  'face off centre',
  'face too small',
  'face turned',
  'lips outside',
  'blurred',
  'detection unsure',
  'no speech',
] as const;

/** Why a video, a face track or a segment is left out of the store. */
export type DropReason = (typeof DROP_REASONS)[number];

/** A video, a face track or a segment that was left out of the store. */
export type Drop = {
  source: string;
  /** Missing where the whole video is dropped. */
  track?: number;
  /** Missing where the whole track is dropped. */
  segment?: number;
  reason: DropReason;
  /** The reason in a sentence, with the measured values. */
  detail: string;
};

/** Clips and drops of one video; written when the whole video is done. */
export type SourceRecord = {
  source: string;
  clips: string[];
  dropped: Drop[];
  /** What is unusual about it, in sentences: several tracks, channels out of phase, damage that was concealed. */
  notes?: string[];
};

/** Who is seen in each clip, and whether the clip is for training or validation. */
export type StoreSplit = {
  /** Where `identity` comes from: labels of the data set, face embeddings, or (nothing else being known) the source video. */
  by: 'label' | 'face' | 'source';
  seed: number;
  validationShare: number;
  clips: Record<string, { identity: string; split: 'train' | 'validation' }>;
};

/** Counts of a store. */
export type StoreSummary = {
  /** Videos that are done. */
  sources: number;
  clips: number;
  frameCount: number;
  minutes: number;
  /** Number of drops by reason, in alphabetical order. */
  dropped: Record<string, number>;
};

/** What `manifest.json` holds. */
export type Manifest = {
  format: string;
  version: number;
  recipe: StoreRecipe;
  settings: Record<string, unknown>;
  counts: StoreSummary;
  split?: Omit<StoreSplit, 'clips'>;
  clips: (Omit<ClipInfo, 'height' | 'width'> & {
    /** Median angle of the crop, radians. */
    angle: number;
    /** Half the side of the crop in the source, pixels; the median. */
    radius: number;
    sha256: string;
    identity?: string;
    split?: 'train' | 'validation';
  })[];
  dropped: Drop[];
};

/** What `store.json` holds. */
export type StoreHeader = StoreRecipe & {
  format: string;
  version: number;
  settings: Record<string, unknown>;
};

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(v.number(), v.gtValue(0));
const pixels = v.pipe(v.number(), v.integer(), v.minValue(1));

const storedCrop: v.GenericSchema<unknown, StoredCrop> = v.variant('kind', [
  v.object({
    kind: v.literal('similarity'),
    centre: v.literal('mean 48-67'),
    upright: v.literal('eye centres'),
    side: positive,
    size: pixels,
    window: v.picklist(['clip median', 'frame']),
  }),
  v.object({
    kind: v.literal('dinet'),
    size: pixels,
    upright: v.picklist(['median of five', 'none']),
    sampling: v.picklist(['exact', 'half pixel']),
  }),
  v.object({ kind: v.literal('track box'), scale: v.pipe(v.number(), v.minValue(0)), size: pixels }),
  v.object({ kind: v.literal('face box'), size: pixels, rows: v.picklist(['all', 'lower half']) }),
  v.object({ kind: v.literal('aligned face'), size: pixels, rows: v.picklist(['all', 'lower half']) }),
  v.object({ kind: v.literal('whole frame'), size: pixels, resize: v.picklist(['bilinear', 'none']) }),
  v.object({ kind: v.literal('dinet head'), mouth: v.pipe(pixels, v.multipleOf(8)) }),
]);

const storeRecipe = {
  crop: storedCrop,
  features: v.picklist(Object.keys(AUDIO_FEATURES) as AudioFeatureName[]),
  stepsPerSecond: positive,
  bins: pixels,
  fps: positive,
};
const settings = v.record(v.string(), v.unknown());

/** `store.json` of the present format. */
export const storeHeaderSchema: v.GenericSchema<unknown, StoreHeader> = v.object({
  format: v.string(),
  version: v.number(),
  ...storeRecipe,
  settings,
});

/** A drop, `dropped/<id>.json`. */
export const dropSchema: v.GenericSchema<unknown, Drop> = v.object({
  source: v.string(),
  track: v.optional(whole),
  segment: v.optional(whole),
  reason: v.picklist(DROP_REASONS),
  detail: v.string(),
});

/** What became of a video, `sources/<source>.json`. */
export const sourceRecordSchema: v.GenericSchema<unknown, SourceRecord> = v.object({
  source: v.string(),
  clips: v.array(v.string()),
  dropped: v.array(dropSchema),
  notes: v.optional(v.array(v.string())),
});

const verdictReason: v.GenericSchema<unknown, OffsetVerdict['reason']> = v.picklist([
  'found',
  'offset changes',
  'too short',
  'still picture',
  'low frame rate',
  'no speech',
  'edge of search',
  'several offsets',
  'no match',
]);

const offsetVerdict: v.GenericSchema<unknown, OffsetVerdict> = v.object({
  answer: v.picklist(['in sync', 'early', 'late', 'cannot tell']),
  reason: verdictReason,
  sentence: v.string(),
  confidence: v.nullable(v.number()),
  offsetFrames: v.nullable(v.pipe(v.number(), v.integer())),
  likeliestFrames: v.nullable(v.pipe(v.number(), v.integer())),
  zScore: v.nullable(v.number()),
});

const offsetReading: v.GenericSchema<unknown, OffsetReading> = v.object({
  offsetFrames: v.pipe(v.number(), v.integer()),
  confidence: v.number(),
  distance: v.number(),
  windows: whole,
  verdict: v.optional(offsetVerdict),
});

const clipOffset: v.GenericSchema<unknown, ClipOffset> = v.object({
  expert: v.string(),
  weightsHash: v.optional(v.string()),
  measured: offsetReading,
  corrected: v.pipe(v.number(), v.finite()),
  after: v.optional(offsetReading),
});

const clipQuality: v.GenericSchema<unknown, ClipQuality> = v.object({
  faceSize: v.number(),
  asymmetry: v.number(),
  lipsInside: v.number(),
  offCentre: v.optional(v.number()),
  sharpness: v.optional(v.number()),
  brightness: v.number(),
  voiced: v.number(),
  sideDeviation: v.number(),
});

const clipFacts = {
  firstFrame: whole,
  score: v.number(),
  interpolated: whole,
  sourceSha256: v.optional(v.string()),
  offset: v.optional(clipOffset),
  quality: v.optional(clipQuality),
  video: v.optional(v.object({ fps: positive, width: pixels, height: pixels })),
  person: v.optional(v.string()),
  speechDb: v.optional(v.number()),
};

/** The facts in the header of a clip's file: its info but for the id and what the shapes of its tensors say. */
export const clipFactsSchema: v.GenericSchema<unknown, Omit<ClipInfo, 'id' | 'featureSteps' | 'logitSteps'>> = v.object(
  {
    frameCount: pixels,
    height: pixels,
    width: pixels,
    ...clipFacts,
  },
);

const split = v.picklist(['train', 'validation']);

/** `manifest.json` of the present format. */
export const manifestSchema: v.GenericSchema<unknown, Manifest> = v.object({
  format: v.string(),
  version: v.number(),
  recipe: v.object(storeRecipe),
  settings,
  counts: v.object({
    sources: whole,
    clips: whole,
    frameCount: whole,
    minutes: v.number(),
    dropped: v.record(v.string(), whole),
  }),
  split: v.optional(
    v.object({ by: v.picklist(['label', 'face', 'source']), seed: v.number(), validationShare: v.number() }),
  ),
  clips: v.array(
    v.object({
      id: v.string(),
      ...clipFacts,
      frameCount: pixels,
      featureSteps: whole,
      logitSteps: v.optional(whole),
      angle: v.number(),
      radius: v.number(),
      sha256: v.string(),
      identity: v.optional(v.string()),
      split: v.optional(split),
    }),
  ),
  dropped: v.array(dropSchema),
});
