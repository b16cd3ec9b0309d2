import { fail } from '@lipsync/contracts';
import type { ClipCorrection } from '@lipsync/dataloader';
import { type Alignment, alignmentCurve } from '@lipsync/metrics';
import { median } from '@lipsync/nn';

/** How a network sees one clip. */
export type ClipReading = {
  id: string;
  /** The set that the clip is from. */
  group: string;
  /** Who is seen. */
  person: string;
  /** Windows that were compared. */
  windows: number;
  alignment: Alignment;
};

/**
 * What is believed of the offsets in a group of clips.
 *
 * - `anchor`: in sync by their makers. Clips stay as they are; one whose own offset is clear and more than 2.5 frames
 *   from the anchors' mean is dropped.
 * - `person`: all clips of a person have one offset, measured over all of them together and drawn to 0 for few clips.
 * - `clip`: each clip has its own: where it is clear, that; a short clip without a clear one has the median of its
 *   group, a long one (60 windows and more) is dropped.
 */
export type GroupRule = 'anchor' | 'person' | 'clip';

/** What is known of the clips beside their readings. */
export type PlanCorrectionsOptions = {
  /** By group; every group needs one. */
  rules: Readonly<Record<string, GroupRule>>;
  /** What the network reads where the truth is 0, frames. Default: the mean of the anchors' clear readings. */
  zeroFrames?: number;
  /** Ids of clips that are never dropped, such as those for validation. */
  keep?: ReadonlySet<string>;
};

/** What becomes of the clips of a group. */
export type GroupCorrections = {
  clips: number;
  /** Clips whose own offset is clear. */
  clear: number;
  dropped: number;
  /** Of the clips that are kept: mean and standard deviation of the delay of the audio, frames. */
  meanFrames: number;
  spreadFrames: number;
  /** Clips that are moved by more than 3 frames. */
  moved3: number;
};

/** What `planCorrections` decides, and a report of it. */
export type CorrectionPlan = {
  /** For `correctStore`. */
  corrections: Record<string, ClipCorrection>;
  zeroFrames: number;
  groups: Record<string, GroupCorrections>;
};

/** Noise reaches it in fewer than 1 of 1000 clips. */
const CLEAR_Z = 4.2;
const FEWEST_WINDOWS = 20;
const LONG = 60; // windows
const FARTHEST = 14; // frames: `correctStore` moves by at most 15
const ANCHORED = 2.5; // frames
const SHRINK = 5; // clips' worth of belief that a person's offset is that of the whole group

/**
 * Plans how a training set is put in sync by what a network reads in it: by how many frames the audio of each clip is
 * moved, fractions included, and which clips are left out.
 *
 * A network learns the mean offset of its training set as its zero, so its readings of the same set say only how clips
 * differ. Sets that are in sync by their makers (`anchor`) say where the zero is.
 *
 * @throws RangeError for a group without a rule, and where neither `zeroFrames` nor a clear reading of an anchor is there.
 * @example
 * import { ClipStore, correctStore } from '@lipsync/dataloader';
 * import { planCorrections, readClips } from '@lipsync/train';
 * const readings = [];
 * for await (const reading of readClips(expert, store, { groupOf: () => 'talk' })) readings.push(reading);
 * const { corrections } = planCorrections(readings, { rules: { talk: 'clip' }, zeroFrames: 0 });
 * await correctStore(store, 'clips-in-sync', { corrections });
 */
export function planCorrections(
  readings: readonly ClipReading[],
  { rules, zeroFrames, keep = new Set() }: PlanCorrectionsOptions,
): CorrectionPlan {
  const groups = groupBy(readings, ({ group }) => group);
  for (const group of groups.keys())
    if (!rules[group]) fail(RangeError, 'planCorrections', 'options.rules', `with a rule for ${group}`, rules);
  const own = new Map(readings.map((reading) => [reading, clearOffset(reading)]));
  const zero = zeroFrames ?? zeroOf(readings.filter(({ group }) => rules[group] === 'anchor').map((r) => own.get(r)));
  const corrections: Record<string, ClipCorrection> = {};
  const reports: Record<string, GroupCorrections> = {};
  for (const [group, clips] of groups) {
    const clear = clips.flatMap((clip) => own.get(clip) ?? []);
    const plan = { zero, keep, own, middle: clear.length > 0 ? median(clear) : zero };
    const decided = rules[group] === 'person' ? byPerson(clips, zero) : clips.map(RULES[rules[group]](plan));
    clips.forEach(({ id }, i) => {
      corrections[id] = decided[i];
    });
    reports[group] = reportOf(decided, clear.length);
  }
  return { corrections, zeroFrames: zero, groups: reports };
}

type Plan = {
  zero: number;
  keep: ReadonlySet<string>;
  own: ReadonlyMap<ClipReading, number | undefined>;
  /** Median of the group's clear offsets. */
  middle: number;
};

const RULES: Record<'anchor' | 'clip', (plan: Plan) => (clip: ClipReading) => ClipCorrection> = {
  anchor:
    ({ zero, keep, own }) =>
    (clip) => {
      const offset = own.get(clip);
      const off = offset !== undefined && Math.abs(offset - zero) > ANCHORED && !keep.has(clip.id);
      return off ? dropped(`${signed(offset - zero)} frames from the zero of its set`) : { delayFrames: 0 };
    },
  clip:
    ({ zero, keep, own, middle }) =>
    (clip) => {
      const offset = own.get(clip);
      if (offset !== undefined) return { delayFrames: offset - zero };
      if (clip.windows >= LONG && !keep.has(clip.id)) return dropped('no offset stands out');
      return { delayFrames: middle - zero };
    },
};

const dropped = (detail: string): ClipCorrection => ({ drop: { reason: 'offset unknown', detail } });
const signed = (frames: number): string => `${frames > 0 ? '+' : ''}${frames.toFixed(1)}`;

function byPerson(clips: readonly ClipReading[], zero: number): ClipCorrection[] {
  const offsets = new Map(
    [...groupBy(clips, ({ person }) => person)].map(([person, of]) => {
      const { maxShift, visualStride } = of[0].alignment;
      const stretches = of.flatMap(({ alignment }) => alignment.stretches);
      const { exactFrames } = alignmentCurve({ stretches, maxShift, visualStride });
      const believed = Math.abs(exactFrames) <= FARTHEST ? exactFrames : 0;
      return [person, (believed * of.length) / (of.length + SHRINK)];
    }),
  );
  return clips.map(({ person }) => ({ delayFrames: offsets.get(person)! - zero }));
}

/** A clip's own offset where it stands out. */
function clearOffset({ windows, alignment }: ClipReading): number | undefined {
  if (windows < FEWEST_WINDOWS) return undefined;
  const { exactFrames, zScore, atEdge } = alignmentCurve(alignment);
  return zScore >= CLEAR_Z && !atEdge && Math.abs(exactFrames) <= FARTHEST ? exactFrames : undefined;
}

function zeroOf(anchors: readonly (number | undefined)[]): number {
  const clear = anchors.filter((offset) => offset !== undefined);
  if (clear.length === 0)
    fail(RangeError, 'planCorrections', 'options.zeroFrames', 'given where no anchor has a clear offset', undefined);
  const centre = median(clear);
  const near = clear.filter((offset) => Math.abs(offset - centre) <= ANCHORED);
  return near.reduce((sum, offset) => sum + offset, 0) / near.length;
}

function reportOf(decided: readonly ClipCorrection[], clear: number): GroupCorrections {
  const moves = decided.flatMap(({ delayFrames }) => delayFrames ?? []);
  const mean = moves.reduce((sum, move) => sum + move, 0) / Math.max(1, moves.length);
  const square = moves.reduce((sum, move) => sum + (move - mean) ** 2, 0) / Math.max(1, moves.length);
  return {
    clips: decided.length,
    clear,
    dropped: decided.length - moves.length,
    meanFrames: mean,
    spreadFrames: Math.sqrt(square),
    moved3: moves.filter((move) => Math.abs(move) > 3).length,
  };
}

function groupBy<V>(values: readonly V[], keyOf: (value: V) => string): Map<string, V[]> {
  const groups = new Map<string, V[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}
