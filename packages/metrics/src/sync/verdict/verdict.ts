import { assertVerdictCalibration } from '@lipsync/contracts';
import type { SyncScore } from '../offset-curve';
import { type Alignment, type AlignmentCurve, alignmentCurve } from './alignment';
import { valueAt } from './calibration';
import { judgeOf } from './judge';
import { type AlignmentPart, offsetParts, partOf } from './offset-parts';
import { rounded } from './rounded';
import type {
  OffsetDrift,
  OffsetInTime,
  SyncVerdict,
  VerdictFacts,
  VerdictOptions,
  VerdictReason,
} from './verdict-types';
import { searched, sentenceOf } from './verdict-words';

const FEWEST_WINDOWS = 8;
const LEAST_MOVEMENT = 1e-3;
const LEAST_IMAGES_PER_SEC = 6;
const LEAST_SPEECH = 0.02;
/** Another offset with this share of the best one's strength is named. */
const NEARLY_AS_STRONG = 0.8;

/**
 * The verdict on one face: the offset of its audio with a confidence, or the reason why there is none.
 *
 * The offset is the one with the greatest `strength` of `alignmentCurve`, over all shifts that were measured. The
 * confidence follows from its `contrast` and the number of windows by the calibration. An answer is given where the
 * confidence is at least the calibration's `least`; without a calibration by a rule of contrasts for embeddings of length
 * 1, else where the offset stands 4.2 standard deviations above the clip's own noise.
 *
 * @param score its `alignment`, its `space`, and its `offsetFrames`, which is kept where it is within one frame of the best
 *   match.
 * @example
 * const { answer, sentence } = syncVerdict(score, { calibration: expert.calibration });
 */
export function syncVerdict(
  {
    alignment,
    offsetFrames: byDistance,
    space,
  }: Pick<SyncScore, 'alignment'> & Partial<Pick<SyncScore, 'offsetFrames' | 'space'>>,
  options: VerdictOptions = {},
): SyncVerdict {
  const { calibration } = options;
  if (calibration) assertVerdictCalibration('syncVerdict', calibration);
  if (alignment.stretches.length === 0) return tooShort(alignment, options);
  const curve = alignmentCurve(alignment);
  const judge = judgeOf(calibration, space);
  const blind = blindness(alignment, curve, options);
  const parts = blind
    ? [partOf(alignment, 0, alignment.stretches.length)]
    : offsetParts(alignment, {
        convincing: (one) => judge.one(one).found,
        plausible: (one) => judge.one(one, true).found,
        together: judge.together,
      });
  const times = timesOf(alignment, options);
  const inTime = (part: AlignmentPart): OffsetInTime => {
    const { found, confidence } = judge.one(part.curve, parts.length > 1 && parts.includes(part));
    const nothing = { ...times(part), offsetFrames: null, exactFrames: null };
    if (blind) return { ...nothing, confidence: confidence === null ? null : 0 };
    if (!found) return { ...nothing, confidence };
    const { offsetFrames, exactFrames } = part.curve;
    return { ...times(part), offsetFrames, exactFrames: rounded(exactFrames), confidence };
  };
  const { found, confidence } = judge.one(curve);
  const reason =
    blind ?? (parts.length > 1 ? 'offset changes' : found ? 'found' : whyNot(curve, judge.one(curve, true).found));
  const near = byDistance !== undefined && Math.abs(byDistance - curve.offsetFrames) <= 1;
  const offsetFrames = reason === 'found' ? (near ? byDistance : curve.offsetFrames) : null;
  const measured = offsetFrames !== null;
  const described = parts.map(inTime);
  const overTime = pieces(alignment).map(inTime);
  return {
    answer:
      offsetFrames === null ? 'cannot tell' : offsetFrames === 0 ? 'in sync' : offsetFrames > 0 ? 'early' : 'late',
    reason,
    sentence: sentenceOf(reason, { alignment, curve, options, offsetFrames, parts: described }),
    confidence: confidenceOf(reason, confidence, described),
    calibration: calibration?.source ?? 'none',
    offBy3: blind ? null : offBy3Of(curve, calibration),
    offsetFrames,
    offsetSec: measured ? offsetFrames / alignment.fps : null,
    exactFrames: measured ? rounded(curve.exactFrames) : null,
    spreadFrames: measured ? rounded(curve.spreadFrames) : null,
    parts: described,
    overTime,
    drift: driftOf(overTime),
    evidence: evidenceOf(alignment, curve, options),
  };
}

/** Why there is no answer whatever matches; undefined where nothing stands against one. */
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

/** Whether the audio is off by 3 frames or more, at both rates of false alarms. */
function offBy3Of(
  { offMargin, windows }: AlignmentCurve,
  calibration: VerdictOptions['calibration'],
): SyncVerdict['offBy3'] {
  const thresholds = calibration?.offBy3;
  if (!thresholds || Number.isNaN(offMargin)) return null;
  const isOff = (name: 'atOnePercent' | 'atFivePercent') => offMargin > valueAt(thresholds[name], windows);
  return { atOnePercent: isOff('atOnePercent'), atFivePercent: isOff('atFivePercent') };
}

/** A change of more frames than this is told. */
const LARGEST_DRIFT = 2;

/** The two stretches, in order, whose offsets are furthest apart. */
function driftOf(overTime: readonly OffsetInTime[]): OffsetDrift | null {
  const known = overTime.flatMap(({ fromSec, toSec, offsetFrames }) =>
    offsetFrames === null ? [] : [{ sec: rounded((fromSec + toSec) / 2)!, offsetFrames }],
  );
  let [least, most] = [known[0], known[0]];
  for (const one of known) {
    if (one.offsetFrames < least.offsetFrames) least = one;
    if (one.offsetFrames > most.offsetFrames) most = one;
  }
  if (!least || most.offsetFrames - least.offsetFrames <= LARGEST_DRIFT) return null;
  const [from, to] = least.sec < most.sec ? [least, most] : [most, least];
  return { fromSec: from.sec, toSec: to.sec, fromFrames: from.offsetFrames, toFrames: to.offsetFrames };
}

/** Without an answer it is below the least of one; of an offset that changes, the least confidence of its parts. */
function confidenceOf(reason: VerdictReason, confidence: number | null, parts: OffsetInTime[]): number | null {
  if (confidence === null) return null;
  if (reason === 'found') return confidence;
  if (reason === 'offset changes') return Math.min(...parts.map((part) => part.confidence ?? 0));
  return reason === 'no match' || reason === 'several offsets' ? confidence : 0;
}

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
    offMargin: rounded(curve.offMargin),
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
    offBy3: null,
    ...nothing,
    parts: [],
    overTime: [],
    drift: null,
    evidence: {
      ...{ offsetFrames: null, contrast: null, offMargin: null, zScore: null, second: null, windows: 0 },
      ...{ searched: alignment.maxShift, agreement: null, movement: 0 },
    },
  };
}
