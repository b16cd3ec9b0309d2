import { fail } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';

/**
 * Windows of the same clip contrasted with each other: `clips` clips, `windows` windows of each, all windows of a clip
 * at least `minDistance` frames apart. No labels: the frames of window i belong to the features of window i.
 */
export type ContrastSampling = {
  kind: 'contrast';
  /** Clips in a batch, all different. */
  clips: number;
  /** Windows of each clip. */
  windows: number;
  /** Least distance between windows of a clip, frames. */
  minDistance: number;
  /**
   * How far people are balanced, 0..1: with 0 a person is drawn in proportion to the weights of their clips together,
   * with 1 everybody equally often, with 0.5 in proportion to the square root. Needs a store whose clips
   * have identities. Default 0.
   */
  balance?: number;
  /** Harder negatives: in a share of the clips, windows that lie close together. Default none. */
  near?: NearWindows;
};

/** Windows of a clip that lie close together. */
export type NearWindows = {
  /** Share of the clips of a batch, 0..1. */
  share: number;
  /**
   * Distance of neighbouring windows is drawn from this range, frames, both ends included; the least is 1 to
   * `minDistance`.
   */
  leastDistance: number;
  mostDistance: number;
  /** First step with such windows. Default 0. */
  fromStep?: number;
};

/**
 * Independent pairs with labels: audio at a random start of a random clip, frames from there (1) or from elsewhere (0).
 */
export type PairSampling = {
  kind: 'pairs';
  /** Pairs in a batch. */
  pairs: number;
  /** Chance that a pair is in sync, 0..1. */
  positiveShare: number;
  /**
   * Least distance between audio and frames of an off-sync pair of one clip, frames. 1: any other start of the clip, as
   * the thesis draws them; 3 leaves out pairs that nobody can tell apart.
   */
  minDistance: number;
  /** Share of off-sync pairs whose frames come from another clip, 0..1. */
  crossClipShare: number;
  /** Clips shorter than this many windows (by frames) are not used. */
  lengthInWindows: number;
  /** Frames that a clip must have beyond `lengthInWindows`, 0 or more: 1 for "longer than". Default 0. */
  lengthBeyond?: number;
  /**
   * Least share of a window's frames with speech, by `voiceActivity`, 0..1; clips without such windows are used as they
   * are. Default 0.
   */
  minVoiced?: number;
};

/** How the windows of a batch are drawn. */
export type SyncSampling = ContrastSampling | PairSampling;

/** One sample of a batch; clips by their index. */
export type PlannedSample = {
  frameClip: number;
  frameStart: number;
  featureClip: number;
  featureStart: number;
  label?: 0 | 1;
};

/** Length of a clip. */
export type ClipLength = {
  frameCount: number;
  windows: number;
  /** Who is seen, where it is known: for `balance`. */
  person?: string;
};

const LONGEST_COUNTED = 60; // windows beyond this give a clip no more weight

/** Indices of the clips that a sampling can use. */
export function usableClips(clips: readonly ClipLength[], sampling: SyncSampling, framesInWindow: number): number[] {
  checkSampling(sampling);
  const usable = (clip: ClipLength): boolean => {
    if (sampling.kind === 'contrast') return clip.windows > (sampling.windows - 1) * sampling.minDistance;
    // Any start must have another one far enough away: the middle one has the nearest ends.
    const length = sampling.lengthInWindows * framesInWindow + (sampling.lengthBeyond ?? 0);
    return clip.frameCount >= length && clip.windows >= 2 * sampling.minDistance;
  };
  return clips.flatMap((clip, index) => (usable(clip) ? [index] : []));
}

/**
 * The samples of one batch, a function of the clips' lengths and `(seed, step)` only.
 *
 * `contrast`: clips without replacement, weight sqrt(min(windows, 60)), starts evenly over all admissible sets.
 * `pairs`: clips evenly with replacement, starts evenly, labels by coin.
 *
 * @param usable Indices from `usableClips`.
 * @throws RangeError where `contrast` has fewer usable clips than a batch needs.
 */
export function planBatch(
  clips: readonly ClipLength[],
  usable: readonly number[],
  { sampling, seed, step }: { sampling: SyncSampling; seed: number; step: number },
): PlannedSample[] {
  if (!(Number.isSafeInteger(step) && step >= 0))
    fail(RangeError, 'planBatch', 'step', 'a whole number, 0 or more', step);
  const random = new Random(seed, step);
  const needed = sampling.kind === 'contrast' ? sampling.clips : sampling.crossClipShare > 0 ? 2 : 1;
  if (usable.length < needed) {
    fail(
      RangeError,
      'planBatch',
      'clips',
      `at least ${needed} long enough for this sampling`,
      `${usable.length} of ${clips.length}`,
    );
  }
  return sampling.kind === 'contrast'
    ? planContrast(clips, usable, { sampling, step, random })
    : planPairs(clips, usable, sampling, random);
}

function planContrast(
  clips: readonly ClipLength[],
  usable: readonly number[],
  { sampling, step, random }: { sampling: ContrastSampling; step: number; random: Random },
): PlannedSample[] {
  const totals = weightTotals(clips, usable, sampling.balance);
  const total = totals[totals.length - 1];
  const chosen = new Set<number>();
  while (chosen.size < sampling.clips) chosen.add(usable[firstAbove(totals, random.uniform(0, total))]); // again where taken
  const { near } = sampling;
  return [...chosen].flatMap((clip) => {
    if (near && step >= (near.fromStep ?? 0) && random.uniform() < near.share)
      return nearWindows(clip, clips[clip].windows, { sampling, near, random });
    const slack = clips[clip].windows - 1 - (sampling.windows - 1) * sampling.minDistance;
    const starts = Array.from({ length: sampling.windows }, () => random.integer(slack + 1)).sort((a, b) => a - b);
    return starts.map((start, k) => {
      const at = start + k * sampling.minDistance;
      return { frameClip: clip, frameStart: at, featureClip: clip, featureStart: at };
    });
  });
}

/** Windows of one clip at small distances, anywhere in it. */
function nearWindows(
  clip: number,
  windows: number,
  { sampling, near, random }: { sampling: ContrastSampling; near: NearWindows; random: Random },
): PlannedSample[] {
  const { leastDistance, mostDistance } = near;
  const starts = [0];
  while (starts.length < sampling.windows) {
    const distance = leastDistance + random.integer(mostDistance - leastDistance + 1);
    const left = sampling.windows - starts.length - 1; // windows that must still find room
    const furthest = windows - 1 - left * leastDistance;
    starts.push(Math.min(starts[starts.length - 1] + distance, furthest));
  }
  const first = random.integer(windows - starts[starts.length - 1]);
  return starts.map((start) => {
    const at = first + start;
    return { frameClip: clip, frameStart: at, featureClip: clip, featureStart: at };
  });
}

/** Running totals of the clips' weights. */
function weightTotals(clips: readonly ClipLength[], usable: readonly number[], balance = 0): number[] {
  const weights = usable.map((index) => Math.sqrt(Math.min(clips[index].windows, LONGEST_COUNTED)));
  if (balance > 0) {
    const person = (k: number) => clips[usable[k]].person ?? `clip ${usable[k]}`;
    const sums = new Map<string, number>();
    weights.forEach((weight, k) => {
      sums.set(person(k), (sums.get(person(k)) ?? 0) + weight);
    });
    weights.forEach((weight, k) => {
      weights[k] = weight * sums.get(person(k))! ** -balance;
    });
  }
  let total = 0;
  return weights.map((weight) => (total += weight));
}

function planPairs(
  clips: readonly ClipLength[],
  usable: readonly number[],
  sampling: PairSampling,
  random: Random,
): PlannedSample[] {
  return Array.from({ length: sampling.pairs }, () => {
    const featureClip = usable[random.integer(usable.length)];
    const featureStart = random.integer(clips[featureClip].windows);
    if (random.uniform() < sampling.positiveShare)
      return { frameClip: featureClip, frameStart: featureStart, featureClip, featureStart, label: 1 };
    if (random.uniform() < sampling.crossClipShare) {
      let frameClip = featureClip;
      while (frameClip === featureClip) frameClip = usable[random.integer(usable.length)];
      return { frameClip, frameStart: random.integer(clips[frameClip].windows), featureClip, featureStart, label: 0 };
    }
    // Starts below and above the forbidden middle, counted as one row.
    const below = Math.max(0, featureStart - sampling.minDistance + 1);
    const above = Math.max(0, clips[featureClip].windows - featureStart - sampling.minDistance);
    const drawn = random.integer(below + above);
    const frameStart = drawn < below ? drawn : featureStart + sampling.minDistance + drawn - below;
    return { frameClip: featureClip, frameStart, featureClip, featureStart, label: 0 };
  });
}

/** Index of the first running total above `value`. */
function firstAbove(totals: readonly number[], value: number): number {
  let low = 0;
  let high = totals.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (totals[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Near windows find room in every clip that is long enough for the others. */
function checkNear({ balance = 0, near, minDistance }: ContrastSampling): void {
  if (!(balance >= 0 && balance <= 1)) fail(RangeError, 'sampling', 'balance', 'within 0..1', balance);
  if (!near) return;
  const { share, leastDistance, mostDistance } = near;
  if (!(share >= 0 && share <= 1)) fail(RangeError, 'sampling', 'near.share', 'within 0..1', share);
  if (!(Number.isInteger(leastDistance) && leastDistance > 0 && leastDistance <= minDistance))
    fail(
      RangeError,
      'sampling',
      'near.leastDistance',
      `a whole number, 1 to minDistance (${minDistance})`,
      leastDistance,
    );
  if (!(Number.isInteger(mostDistance) && mostDistance >= leastDistance))
    fail(RangeError, 'sampling', 'near.mostDistance', `a whole number from ${leastDistance} on`, mostDistance);
}

function checkSampling(sampling: SyncSampling): void {
  const whole =
    sampling.kind === 'contrast' ? ['clips', 'windows', 'minDistance'] : ['pairs', 'minDistance', 'lengthInWindows'];
  for (const key of whole) {
    const value = (sampling as unknown as Record<string, number>)[key];
    if (!(Number.isInteger(value) && value > 0)) fail(RangeError, 'sampling', key, 'a whole number above 0', value);
  }
  if (sampling.kind === 'contrast') {
    if (sampling.windows < 2)
      fail(RangeError, 'sampling', 'windows', 'at least 2, or there is nothing to contrast', sampling.windows);
    checkNear(sampling);
    return;
  }
  const { lengthBeyond = 0 } = sampling;
  if (!(Number.isInteger(lengthBeyond) && lengthBeyond >= 0))
    fail(RangeError, 'sampling', 'lengthBeyond', 'a whole number, 0 or more', lengthBeyond);
  for (const key of ['positiveShare', 'crossClipShare'] as const) {
    if (!(sampling[key] >= 0 && sampling[key] <= 1)) fail(RangeError, 'sampling', key, 'within 0..1', sampling[key]);
  }
}
