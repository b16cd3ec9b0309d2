import { describeOffset } from '../describe-offset';
import type { Alignment, AlignmentCurve } from './alignment';
import type { OffsetInTime, VerdictFacts, VerdictOptions, VerdictReason } from './verdict-types';

const SMALL_FACE = 48; // pixels
const TURNED = 0.5;

type Words = {
  alignment: Alignment;
  curve: AlignmentCurve;
  options: VerdictOptions;
  offsetFrames: number | null;
  parts: OffsetInTime[];
};

/** Answer and reason for people. */
export function sentenceOf(reason: VerdictReason, { alignment, curve, options, offsetFrames, parts }: Words): string {
  const { fps } = alignment;
  if (offsetFrames !== null) return describeOffset(offsetFrames, fps);
  if (reason === 'offset changes') {
    const described = parts.map(({ offsetFrames: frames, fromSec }, i) => {
      const words = frames === null ? 'cannot tell' : describeOffset(frames, fps);
      return i === 0 ? words : `from ${fromSec.toFixed(1)} s on ${words}`;
    });
    return `the offset changes: ${described.join(', ')}`;
  }
  const { imagesPerSec = 0 } = options;
  const why = {
    'too short': `${curve.windows} windows are too few`,
    'still picture': 'the face does not move, as in a photograph',
    'low frame rate': `only ${imagesPerSec.toFixed(1)} different images a second`,
    'no speech': 'the audio has no speech',
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

/** The largest offset that was tried for this length, frames. */
export const searched = ({ strength }: AlignmentCurve) => {
  const middle = (strength.length - 1) / 2;
  return Math.max(...Array.from(strength, (value, k) => (Number.isNaN(value) ? 0 : Math.abs(k - middle))));
};
