import { describeOffset } from '../describe-offset';
import type { SyncScore } from '../offset-curve';
import { type Alignment, type AlignmentCurve, alignmentCurve } from './alignment';
import { assertCalibration, halfContrast, type VerdictCalibration } from './calibration';
import { type AlignmentPart, offsetParts, partOf, type Trust } from './offset-parts';

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
 * - `too short`: too few windows to tell anything.
 * - `still picture`: nothing moves, as in a photograph.
 * - `low frame rate`: too few different images a second to see speech.
 * - `no speech`: nobody is heard to speak.
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
  /** Positive: the audio leads; null where it cannot be told. */
  offsetFrames: number | null;
  /** As in `SyncVerdict`. */
  confidence: number | null;
};

/** Whether a face and the audio are in sync. Plain data: it can be written as JSON. */
export type SyncVerdict = {
  /** `early`, `late`: the audio. `cannot tell` where no offset, or no single one, can be relied on. */
  answer: 'in sync' | 'early' | 'late' | 'cannot tell';
  reason: VerdictReason;
  /** Answer and reason for people. */
  sentence: string;
  /**
   * The probability, 0..1, that the offset is right within one frame; below one half where the answer is `cannot tell`,
   * but for an offset that changes. null for a network without a calibration.
   */
  confidence: number | null;
  /** Where the confidence comes from; `none`: there is none. */
  calibration: string;
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
  /** What the verdict was made of. */
  evidence: {
    /** The best offset, whether or not it can be relied on. */
    offsetFrames: number | null;
    /** See `AlignmentCurve`. */
    contrast: number | null;
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
  /** Turns evidence into confidence. Default: none; the answer then follows from the clip's own noise alone. */
  calibration?: VerdictCalibration;
  /** Seconds from the video's beginning to the first window. Default 0. */
  startSec?: number;
  /** Frames of a window, for the times of changes. Default 1. */
  windowFrames?: number;
};

const FEWEST_WINDOWS = 8;
const LEAST_MOVEMENT = 1e-3;
const LEAST_IMAGES_PER_SEC = 6;
const LEAST_SPEECH = 0.02;
const SMALL_FACE = 48; // pixels
const TURNED = 0.5;

/** Without a calibration: the chance that noise reaches this anywhere among 150 offsets is below 1 in 1000. */
const LEAST_Z = 4.2;

/** Offsets beyond it are rare, frames. */
const NEAR = 15;

/** Where another part of the clip matches: the contrast that a near offset needs less, a far one more; the z score. */
const BELONGING = 4;
const STRAYING = 2;
const LEAST_Z_BESIDE = 3.2;

/** What is needed more of two parts, and their z score. */
const TOGETHER = 0;
const LEAST_Z_TOGETHER = 5;

/** Another offset with this share of the best one's strength is named. */
const NEARLY_AS_STRONG = 0.8;

/**
 * The verdict on one face: what its score says, or why it says nothing.
 *
 * The offset is the one with the greatest `strength` of `alignmentCurve`, over all shifts that were measured. The
 * confidence follows from its `contrast` and the number of windows by the calibration. An answer is given where the
 * confidence is at least one half; without a calibration where the offset stands 4.2 standard deviations above the clip's
 * own noise.
 *
 * @param score its `alignment`, and its `offsetFrames`, which is kept where it is within one frame of the best match.
 * @example
 * const { answer, sentence } = syncVerdict(score, { calibration: calibrationOf(expert) });
 */
export function syncVerdict(
  { alignment, offsetFrames: byDistance }: Pick<SyncScore, 'alignment'> & { offsetFrames?: number },
  options: VerdictOptions = {},
): SyncVerdict {
  const { calibration } = options;
  if (calibration) assertCalibration('syncVerdict', calibration);
  if (alignment.stretches.length === 0) return tooShort(alignment, options);
  const curve = alignmentCurve(alignment);
  const judge = judgeOf(calibration);
  const blind = blindness(alignment, curve, options);
  const parts = blind
    ? [partOf(alignment, 0, alignment.stretches.length)]
    : offsetParts(alignment, {
        convincing: (one) => judge(one).found,
        plausible: (one) => judge(one, true).found,
        together: togetherOf(calibration),
      });
  const times = timesOf(alignment, options);
  const inTime = (part: AlignmentPart): OffsetInTime => {
    const { found, confidence } = judge(part.curve, parts.length > 1 && parts.includes(part));
    if (blind) return { ...times(part), offsetFrames: null, confidence: confidence === null ? null : 0 };
    return { ...times(part), offsetFrames: found ? part.curve.offsetFrames : null, confidence };
  };
  const { found, confidence } = judge(curve);
  const reason =
    blind ?? (parts.length > 1 ? 'offset changes' : found ? 'found' : whyNot(curve, judge(curve, true).found));
  const near = byDistance !== undefined && Math.abs(byDistance - curve.offsetFrames) <= 1;
  const offsetFrames = reason === 'found' ? (near ? byDistance : curve.offsetFrames) : null;
  const measured = offsetFrames !== null;
  const described = parts.map(inTime);
  return {
    answer:
      offsetFrames === null ? 'cannot tell' : offsetFrames === 0 ? 'in sync' : offsetFrames > 0 ? 'early' : 'late',
    reason,
    sentence: sentenceOf(reason, { alignment, curve, options, offsetFrames, parts: described }),
    confidence: confidenceOf(reason, confidence, described),
    calibration: calibration?.source ?? 'none',
    offsetFrames,
    offsetSec: measured ? offsetFrames / alignment.fps : null,
    exactFrames: measured ? rounded(curve.exactFrames) : null,
    spreadFrames: measured ? rounded(curve.spreadFrames) : null,
    parts: described,
    overTime: pieces(alignment).map(inTime),
    evidence: evidenceOf(alignment, curve, options),
  };
}

type Judgement = { found: boolean; confidence: number | null };

/** @returns a judge; where another part of the clip matches, so that its audio is known to belong, less is needed. */
function judgeOf(calibration: VerdictCalibration | undefined): (curve: AlignmentCurve, belongs?: boolean) => Judgement {
  return (curve, belongs = false) => {
    const leastZ = belongs ? LEAST_Z_BESIDE : LEAST_Z;
    if (!calibration) return { found: !curve.atEdge && curve.zScore >= leastZ, confidence: null };
    const { slope, farPenalty } = calibration;
    const far = Math.abs(curve.offsetFrames) > NEAR;
    const beside = belongs ? (far ? STRAYING : -BELONGING) : 0;
    const needed = halfContrast(calibration, curve.windows) + (far ? farPenalty : 0) + beside;
    const odds = slope * (curve.contrast - needed);
    const confidence = rounded(1 / (1 + Math.exp(-odds)))!;
    return { found: !curve.atEdge && confidence >= 0.5, confidence };
  };
}

/** Whether two parts with different offsets are convincing together: twice as much may be found by chance. */
function togetherOf(calibration: VerdictCalibration | undefined): Trust['together'] {
  return (before, after) => {
    if (!calibration) return Math.hypot(before.zScore, after.zScore) >= LEAST_Z_TOGETHER;
    const needed = halfContrast(calibration, before.windows + after.windows) + TOGETHER;
    return Math.hypot(before.contrast, after.contrast) >= needed;
  };
}

/** What keeps any verdict from being one, whatever matches. */
function blindness(
  { stretches }: Alignment,
  { windows }: AlignmentCurve,
  { imagesPerSec = Infinity, speechShare = 1 }: VerdictFacts,
): VerdictReason | undefined {
  if (windows < FEWEST_WINDOWS) return 'too short';
  if (Math.max(...stretches.map(({ movement }) => movement)) < LEAST_MOVEMENT || imagesPerSec < 0.5)
    return 'still picture';
  if (imagesPerSec < LEAST_IMAGES_PER_SEC) return 'low frame rate';
  return speechShare < LEAST_SPEECH ? 'no speech' : undefined;
}

function whyNot({ atEdge, second, strength, offsetFrames }: AlignmentCurve, plausible: boolean): VerdictReason {
  if (atEdge) return 'edge of search';
  const best = strength[(strength.length - 1) / 2 - offsetFrames];
  return plausible && second && second.strength > NEARLY_AS_STRONG * best ? 'several offsets' : 'no match';
}

/** An answer that cannot be told has no more than one half; a change is as sure as its least sure part. */
function confidenceOf(reason: VerdictReason, confidence: number | null, parts: OffsetInTime[]): number | null {
  if (confidence === null) return null;
  if (reason === 'found') return confidence;
  if (reason === 'offset changes') return Math.min(...parts.map((part) => part.confidence ?? 0));
  return reason === 'no match' || reason === 'several offsets' ? confidence : 0;
}

type Words = {
  alignment: Alignment;
  curve: AlignmentCurve;
  options: VerdictOptions;
  offsetFrames: number | null;
  parts: OffsetInTime[];
};

function sentenceOf(reason: VerdictReason, { alignment, curve, options, offsetFrames, parts }: Words): string {
  const { fps } = alignment;
  if (offsetFrames !== null) return describeOffset(offsetFrames, fps);
  if (reason === 'offset changes') {
    const told = parts.map(({ offsetFrames: frames, fromSec }, i) => {
      const words = frames === null ? 'cannot tell' : describeOffset(frames, fps);
      return i === 0 ? words : `from ${fromSec.toFixed(1)} s on ${words}`;
    });
    return `the offset changes: ${told.join(', ')}`;
  }
  const { imagesPerSec = 0 } = options;
  const why = {
    'too short': `${curve.windows} windows are too few`,
    'still picture': 'the face does not move, as in a photograph',
    'low frame rate': `only ${imagesPerSec.toFixed(1)} different images a second`,
    'no speech': 'no speech is heard',
    'edge of search': `the match gets better up to the last offset tried, ${searched(curve)} frames`,
    'several offsets': `${curve.offsetFrames} and ${curve.second?.offsetFrames} frames match about equally well`,
    'no match': `no offset within ${searched(curve)} frames matches; other audio, or a face that does not speak`,
  }[reason as Exclude<VerdictReason, 'found' | 'offset changes'>];
  return `cannot tell: ${why}${reason === 'no match' || reason === 'several offsets' ? hindrances(curve, options) : ''}`;
}

/** What makes a match hard to see, where it is so. */
function hindrances(
  { windows }: AlignmentCurve,
  { faceSize = Infinity, turn = 0, speechShare = 1 }: VerdictFacts,
): string {
  const found = [
    ...(windows < 41 ? [`only ${windows} windows`] : []),
    ...(faceSize < SMALL_FACE ? [`a face of ${Math.round(faceSize)} pixels`] : []),
    ...(turn > TURNED ? ['a face seen from the side'] : []),
    ...(speechShare < 0.2 ? [`speech in ${Math.round(100 * speechShare)} % of the frames`] : []),
  ];
  return found.length > 0 ? ` (${found.join(', ')})` : '';
}

const searched = ({ strength }: AlignmentCurve) => {
  const middle = (strength.length - 1) / 2;
  return Math.max(...Array.from(strength, (value, k) => (Number.isNaN(value) ? 0 : Math.abs(k - middle))));
};

const STRETCHES_OF_A_READING = 8;
const STRETCHES_BETWEEN = 4;

/** About four seconds each, two seconds apart. */
function pieces(alignment: Alignment): AlignmentPart[] {
  const count = alignment.stretches.length;
  const length = Math.min(STRETCHES_OF_A_READING, count);
  const starts = Array.from(
    { length: Math.floor((count - length) / STRETCHES_BETWEEN) + 1 },
    (_, i) => STRETCHES_BETWEEN * i,
  );
  return starts.map((start, i) => partOf(alignment, start, i === starts.length - 1 ? count : start + length));
}

/** When a part begins and ends: where the middle of its first window is, but for the ends of the clip. */
function timesOf({ stretches, fps, visualStride }: Alignment, { startSec = 0, windowFrames = 1 }: VerdictOptions) {
  const last = stretches[stretches.length - 1];
  const end = last.firstFrame + last.rows * visualStride + windowFrames - 1;
  const at = (stretch: number) =>
    startSec +
    (stretch === 0 ? 0 : stretch === stretches.length ? end : stretches[stretch].firstFrame + windowFrames / 2) / fps;
  return ({ from, to }: AlignmentPart) => ({ fromSec: rounded(at(from))!, toSec: rounded(at(to))! });
}

function evidenceOf(alignment: Alignment, curve: AlignmentCurve, options: VerdictOptions): SyncVerdict['evidence'] {
  const { stretches } = alignment;
  const rows = stretches.reduce((sum, stretch) => sum + stretch.rows, 0);
  const seconds = Math.ceil(stretches.length / 2);
  const agreeing = Array.from({ length: seconds }, (_, i) => partOf(alignment, 2 * i, 2 * i + 2).curve).filter(
    ({ offsetFrames }) => Math.abs(offsetFrames - curve.offsetFrames) <= 2,
  );
  const { speechShare, imagesPerSec, faceSize, turn } = options;
  const facts = { speechShare, imagesPerSec, faceSize, turn };
  return {
    offsetFrames: curve.offsetFrames,
    contrast: rounded(curve.contrast),
    zScore: rounded(curve.zScore),
    second: curve.second ? { ...curve.second, strength: rounded(curve.second.strength)! } : null,
    windows: curve.windows,
    searched: searched(curve),
    agreement: rounded(agreeing.length / seconds),
    movement: rounded(stretches.reduce((sum, stretch) => sum + (stretch.movement * stretch.rows) / rows, 0))!,
    ...Object.fromEntries(
      Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, rounded(value)]])),
    ),
  };
}

function tooShort(alignment: Alignment, options: VerdictOptions): SyncVerdict {
  const nothing = { offsetFrames: null, offsetSec: null, exactFrames: null, spreadFrames: null };
  return {
    answer: 'cannot tell',
    reason: 'too short',
    sentence: 'cannot tell: no windows of frames with audio',
    confidence: options.calibration ? 0 : null,
    calibration: options.calibration?.source ?? 'none',
    ...nothing,
    parts: [],
    overTime: [],
    evidence: {
      ...{ offsetFrames: null, contrast: null, zScore: null, second: null, windows: 0 },
      ...{ searched: alignment.maxShift, agreement: null, movement: 0 },
    },
  };
}

/** Four digits after the point, which is more than is known; null for what is not a number. */
function rounded(value: number): number | null {
  return Number.isFinite(value) ? Math.round(value * 1e4) / 1e4 : null;
}
