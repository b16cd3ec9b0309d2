import type { SyncScore } from '../offset-curve';
import { type Alignment, type AlignmentCurve, alignmentCurve } from './alignment';
import { assertCalibration } from './calibration';
import { judgeOf, togetherOf } from './judge';
import { type AlignmentPart, offsetParts, partOf } from './offset-parts';
import { rounded } from './rounded';
import type { OffsetInTime, SyncVerdict, VerdictFacts, VerdictOptions, VerdictReason } from './verdict-types';
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
 * confidence is at least one half; without a calibration where the offset stands 4.2 standard deviations above the
 * clip's own noise.
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

/** Without an answer it is below one half; of an offset that changes, the least confidence of its parts. */
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
