import type { SyncExpert } from '@lipsync/contracts/tensors';
import { headBoxOf } from '@lipsync/face-crop';
import { localEmbedder, WindowScorer } from '@lipsync/metrics';
import { median } from '@lipsync/nn';
import { cutFeatureWindow, cutMouthWindow, windowCount } from '@lipsync/sync-windows';
import { THESIS_PAIRS } from '../loaders/sync-loader';
import { planBatch, usableClips } from '../sampling/batch-plan';
import { anglesOf, type Clip } from '../store/clip';
import { parseClipId } from '../store/clip-id';
import type { ClipStore } from '../store/clip-store';
import type { Manifest } from '../store/store-records';

/** Smallest, middle and largest of some numbers, and how many fall into each of equally wide bins from `low` to `high`. */
export type Spread = { least: number; median: number; greatest: number; low: number; high: number; bins: number[] };

/** One clip as a frame: its middle crop and the landmarks drawn where they lie in it. */
export type Thumbnail = {
  id: string;
  /** Pixels. */
  height: number;
  width: number;
  /** RGB, 0..255, `[height, width, 3]`. */
  rgb: Uint8Array;
  /** `[68, 2]`, pixels of the crop; points outside it are cut off by whoever draws. */
  landmarks: Float32Array;
};

export type DataReport = {
  clips: number;
  minutes: number;
  fps: number;
  /** Videos that gave at least one clip. */
  videos: number;
  /** Number of clips by the rate of the video that they are of, frames a second; where clips say it. */
  videoRates: Record<string, number>;
  /** Who is seen, and what is held for validation, as `lipsync prepare` found out; missing before its end. */
  people?: {
    by: NonNullable<Manifest['split']>['by'];
    count: number;
    /** Share of the clips that show the person with most of them, 0..1. */
    largestShare: number;
    trainClips: number;
    validationClips: number;
  };
  /** What independent pairs look like that are drawn as the thesis does: see `THESIS_PAIRS`. */
  labels: {
    /** Clips long enough. */
    clips: number;
    /** Share of pairs in sync, 0..1. */
    inSync: number;
    /** Share of the off-sync pairs that are at most 2 frames off, which nobody can tell for sure. */
    offSyncWithinTwo: number;
  };
  /** Share of the frames that come from the video with most of them, 0..1. */
  largestVideoShare: number;
  /** Seconds a clip. */
  seconds: Spread;
  /** Side of the stored crop in pixels of the source, mean of each clip: how large faces are. */
  cropSide: Spread;
  /** Size of the face in pixels of the source, where clips say it. */
  faceSize?: Spread;
  /** Share of each clip during which somebody speaks, where clips say it. */
  voiced?: Spread;
  /** Mean of the crop's gray, 0..255, each clip. */
  brightness: Spread;
  /** Standard deviation of the opening of the inner lips over the clip, in percent of the mouth's width: 0 where lips do not move. */
  lipMovement: Spread;
  /** Number of drops by reason. */
  dropped: Record<string, number>;
  /** What an expert finds: the one that is given, else the one that was there when the clips were prepared. */
  offsets?: {
    expert: string;
    weightsHash?: string;
    /** Number of clips by offset in frames, -15 to 15; positive: the audio leads. */
    counts: { offsetFrames: number; clips: number }[];
    /** Share of clips more than 2 frames off, 0..1. */
    beyondTwo: number;
    /** Clips too short for a window. */
    leftOut: number;
    /** Clips whose audio was moved in the preparation. */
    corrected: number;
  };
  warnings: string[];
  thumbnails: Thumbnail[];
};

export type DataReportOptions = {
  /** Measures each clip's offset; borrowed. Takes most of the time. */
  expert?: SyncExpert;
  /** Frames in the report, evenly spread over the clips. Default 24. */
  thumbnails?: number;
  /** Told after each clip. */
  onClip?: (done: number, of: number) => void;
};

const STILL_LIPS = 1; // percent of the mouth's width; of 2,105 clips of spoken words 0.2 % lie below, the median is 4.6
const DARK = 40;
const ENLARGED = 0.75; // crops from fewer source pixels than this share of their own

/**
 * What one should know of prepared clips before a network is trained on them: how much there is, how large, bright and lively the faces
 * are, what was dropped and why, by how much the audio is off, and in words what is likely to go wrong.
 *
 * Reads one clip at a time and decodes its middle frame; with an expert all of them.
 *
 * @throws RangeError if the store holds no clip.
 * @example
 * const report = await dataReport(await ClipStore.open('clips'), { expert });
 * for (const warning of report.warnings) console.warn(warning);
 */
export async function dataReport(store: ClipStore, options: DataReportOptions = {}): Promise<DataReport> {
  const { expert, thumbnails: wanted = 24, onClip } = options;
  const ids = await store.list();
  if (ids.length === 0)
    throw new RangeError(`dataReport: store must hold at least one clip, got none in ${store.folder}`);
  const { fps } = store.recipe;
  const columns = { seconds: [], cropSide: [], brightness: [], lipMovement: [], faceSize: [], voiced: [] } as Record<
    string,
    number[]
  >;
  const thumbnails: Thumbnail[] = [];
  const framesOf = new Map<string, number>();
  const videoRates: Record<string, number> = {};
  const lengths: { frameCount: number; windows: number }[] = [];
  const offsets = new OffsetCounts();
  for (const [index, id] of ids.entries()) {
    const clip = await store.open(id);
    const middle = { ...clip, frames: await store.frames(id, clip.frameCount >> 1, 1) };
    const { source } = parseClipId(id);
    framesOf.set(source, (framesOf.get(source) ?? 0) + clip.frameCount);
    lengths.push({
      frameCount: clip.frameCount,
      windows: windowCount(clip.frameCount, clip.features.steps, { ...PAIR_WINDOW, ...store.recipe }),
    });
    columns.seconds.push(clip.frameCount / fps);
    columns.cropSide.push(meanOf(clip.frameCount, (frame) => clip.poses[4 * frame + 2]));
    columns.brightness.push(meanGray(middle.frames));
    columns.lipMovement.push(movementOfLips(clip));
    if (clip.quality) {
      columns.faceSize.push(clip.quality.faceSize);
      columns.voiced.push(clip.quality.voiced);
    }
    if (clip.video) videoRates[clip.video.fps] = (videoRates[clip.video.fps] ?? 0) + 1;
    const every = ids.length / Math.min(wanted, ids.length);
    if (thumbnails.length < wanted && index >= Math.floor(thumbnails.length * every))
      thumbnails.push(thumbnail(middle));
    if (expert) offsets.add(await clipOffset(await store.read(id), store, expert), clip.offset, expert);
    else if (clip.offset)
      offsets.add((clip.offset.after ?? clip.offset.measured).offsetFrames, clip.offset, {
        ...clip.offset,
        name: clip.offset.expert,
      });
    onClip?.(index + 1, ids.length);
  }
  const dropped: Record<string, number> = {};
  for (const { reason } of await store.dropped()) dropped[reason] = (dropped[reason] ?? 0) + 1;
  const frameCount = [...framesOf.values()].reduce((sum, count) => sum + count, 0);
  const { seconds, cropSide, brightness, lipMovement, faceSize, voiced } = columns;
  const report: DataReport = {
    clips: ids.length,
    minutes: frameCount / fps / 60,
    fps,
    videos: framesOf.size,
    videoRates,
    ...peopleOf(await store.manifest()),
    labels: labelsOf(lengths),
    largestVideoShare: greatest([...framesOf.values()]) / frameCount,
    seconds: spreadOf(seconds, 0, greatest(seconds)),
    cropSide: spreadOf(cropSide, 0, greatest(cropSide)),
    ...(faceSize.length > 0
      ? { faceSize: spreadOf(faceSize, 0, greatest(faceSize)), voiced: spreadOf(voiced, 0, 1) }
      : {}),
    brightness: spreadOf(brightness, 0, 255),
    lipMovement: spreadOf(lipMovement, 0, Math.max(20, greatest(lipMovement))),
    dropped,
    ...offsets.report(),
    warnings: [],
    thumbnails,
  };
  const shareOf = (values: number[], holds: (value: number) => boolean) => values.filter(holds).length / values.length;
  const { height } = thumbnails[0];
  report.warnings = warningsOf(report, {
    still: shareOf(lipMovement, (value) => value < STILL_LIPS),
    dark: shareOf(brightness, (value) => value < DARK),
    enlarged: shareOf(cropSide, (value) => value < ENLARGED * height),
  });
  return report;
}

/** Counts of offsets, clip by clip. */
class OffsetCounts {
  #expert?: { name: string; weightsHash?: string };
  #found = new Map<number, number>();
  #leftOut = 0;
  #corrected = 0;

  add(frameCount: number | undefined, kept: Clip['offset'], expert: { name: string; weightsHash?: string }): void {
    this.#expert ??= expert;
    if (kept && kept.corrected !== 0) this.#corrected++;
    if (frameCount === undefined) this.#leftOut++;
    else this.#found.set(frameCount, (this.#found.get(frameCount) ?? 0) + 1);
  }

  report(): Pick<DataReport, 'offsets'> {
    if (!this.#expert) return {};
    const counts = Array.from({ length: 31 }, (_, i) => ({
      offsetFrames: i - 15,
      clips: this.#found.get(i - 15) ?? 0,
    }));
    const sum = (some: typeof counts) => some.reduce((total, { clips }) => total + clips, 0);
    const total = sum(counts);
    const beyond = sum(counts.filter(({ offsetFrames }) => Math.abs(offsetFrames) > 2));
    const { name, weightsHash } = this.#expert;
    const found = {
      counts,
      beyondTwo: total > 0 ? beyond / total : 0,
      leftOut: this.#leftOut,
      corrected: this.#corrected,
    };
    return { offsets: { expert: name, ...(weightsHash ? { weightsHash } : {}), ...found } };
  }
}

/** Windows of the thesis: five frames. */
const PAIR_WINDOW = { frameCount: 5, featureSteps: 16 };
const PAIR_BATCHES = 16;

function labelsOf(lengths: { frameCount: number; windows: number }[]): DataReport['labels'] {
  const usable = usableClips(lengths, THESIS_PAIRS.sampling, PAIR_WINDOW.frameCount);
  if (usable.length === 0) return { clips: 0, inSync: 0, offSyncWithinTwo: 0 };
  const pairs = Array.from({ length: PAIR_BATCHES }, (_, step) =>
    planBatch(lengths, usable, { sampling: THESIS_PAIRS.sampling, seed: 0, step }),
  ).flat();
  const off = pairs.filter(({ label }) => label === 0);
  const near = off.filter(({ frameStart, featureStart }) => Math.abs(frameStart - featureStart) <= 2);
  return {
    clips: usable.length,
    inSync: 1 - off.length / pairs.length,
    offSyncWithinTwo: near.length / Math.max(1, off.length),
  };
}

function peopleOf(manifest: Manifest | undefined): Pick<DataReport, 'people'> {
  if (!manifest?.split) return {};
  const clipsOf = new Map<string, number>();
  for (const { identity } of manifest.clips)
    if (identity !== undefined) clipsOf.set(identity, (clipsOf.get(identity) ?? 0) + 1);
  const validationClips = manifest.clips.filter(({ split }) => split === 'validation').length;
  return {
    people: {
      by: manifest.split.by,
      count: clipsOf.size,
      largestShare: greatest([...clipsOf.values()]) / Math.max(1, manifest.clips.length),
      trainClips: manifest.clips.length - validationClips,
      validationClips,
    },
  };
}

function warningsOf(report: DataReport, shares: { still: number; dark: number; enlarged: number }): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  const drops = Object.values(report.dropped).reduce((sum, count) => sum + count, 0);
  const all: [boolean, string][] = [
    [report.videos < 20, `${report.videos} videos only: a network will learn these faces rather than lips`],
    [
      report.minutes < 30,
      `${report.minutes.toFixed(1)} minutes only: plain cross-entropy on pairs will stay at 0.693; contrast windows of the same clip`,
    ],
    [
      report.videos > 1 && report.largestVideoShare > 0.2,
      `${percent(report.largestVideoShare)} of the frames come from one video`,
    ],
    [
      (report.offsets?.beyondTwo ?? 0) > 0.05,
      `${percent(report.offsets?.beyondTwo ?? 0)} of the clips are more than 2 frames off: training will plateau`,
    ],
    [
      (report.people?.largestShare ?? 0) > 0.3,
      `${percent(report.people?.largestShare ?? 0)} of the clips show one person`,
    ],
    [
      report.people?.by === 'source' && report.videos > 1,
      'nobody said who is seen: people may stand on both sides of the split, which flatters',
    ],
    [report.people !== undefined && report.people.validationClips === 0, 'no clip is held for validation'],
    [
      report.labels.offSyncWithinTwo > 0.15,
      `${percent(report.labels.offSyncWithinTwo)} of plain off-sync pairs would be at most 2 frames off: clips are short, so ask for a least offset`,
    ],
    [
      report.offsets === undefined,
      'offsets are unknown: prepare with --expert, or a shifted recording teaches the wrong thing',
    ],
    [shares.still > 0.05, `lips hardly move in ${percent(shares.still)} of the clips`],
    [shares.dark > 0.05, `${percent(shares.dark)} of the clips are dark (mean gray below ${DARK} of 255)`],
    [
      shares.enlarged > 0.2,
      `${percent(shares.enlarged)} of the crops are enlarged from fewer pixels than they have: faces are small`,
    ],
    [drops > 0.3 * (drops + report.clips), `${drops} pieces were dropped beside ${report.clips} clips that were kept`],
  ];
  return all.filter(([holds]) => holds).map(([, text]) => text);
}

/** Offset in frames of a stored clip; undefined where it is too short for a window. */
async function clipOffset(clip: Clip, store: ClipStore, expert: SyncExpert): Promise<number | undefined> {
  const { recipe } = expert;
  const { crop } = store.recipe;
  const windows = windowCount(clip.frameCount, clip.features.steps, recipe);
  if (windows < 2) return undefined;
  const scorer = new WindowScorer(localEmbedder(expert));
  for (let start = 0; start < windows; start++) {
    const frames = cutMouthWindow(clip.frames, start, { stored: crop, recipe, angles: anglesOf(clip) });
    const features = cutFeatureWindow(clip.features, start, { recipe });
    await scorer.update({ frames, features });
  }
  return (await scorer.compute()).offsetFrames;
}

/** @param clip with its middle frame alone. */
function thumbnail({
  id,
  height,
  width,
  frames,
  frameCount: count,
  poses,
  landmarks,
}: Pick<Clip, 'id' | 'height' | 'width' | 'frames' | 'frameCount' | 'poses' | 'landmarks'>): Thumbnail {
  const middle = count >> 1;
  const [x, y, side, angle] = poses.subarray(4 * middle);
  // A head crop stands upright as the frame does, and its pose is that of the mouth box: as far from the bottom as from the sides.
  const [cos, sin] = height === width ? [Math.cos(angle), Math.sin(angle)] : [1, 0];
  const [scale, left, top] =
    height === width ? [width / side, width / 2, height / 2] : headPlace({ height, width }, side);
  const placed = new Float32Array(136);
  for (let i = 0; i < 136; i += 2) {
    const [dx, dy] = [landmarks[136 * middle + i] - x, landmarks[136 * middle + i + 1] - y];
    // The crop is turned by `angle`: turn back, then into pixels of the crop.
    placed[i] = (dx * cos + dy * sin) * scale + left;
    placed[i + 1] = (dy * cos - dx * sin) * scale + top;
  }
  return { id, height, width, rgb: frames.slice(), landmarks: placed };
}

/** Scale from the source to the head crop, and the middle of its mouth box. */
function headPlace(head: { height: number; width: number }, side: number): [number, number, number] {
  const { mouth, left, top } = headBoxOf(head);
  return [mouth / side, left + mouth / 2, top + mouth / 2];
}

/** Mean of a frame's gray (ITU-R BT.601). */
function meanGray(rgb: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < rgb.length; i += 3) sum += 0.299 * rgb[i] + 0.587 * rgb[i + 1] + 0.114 * rgb[i + 2];
  return (3 * sum) / rgb.length;
}

/** Standard deviation over the clip of inner lips' distance (points 62 and 66), in percent of the mouth's width (48 to 54). */
function movementOfLips({ landmarks, frameCount: count }: Pick<Clip, 'landmarks' | 'frameCount'>): number {
  const distance = (frame: number, a: number, b: number) => {
    const at = 136 * frame;
    return Math.hypot(
      landmarks[at + 2 * a] - landmarks[at + 2 * b],
      landmarks[at + 2 * a + 1] - landmarks[at + 2 * b + 1],
    );
  };
  const openings = Array.from(
    { length: count },
    (_, frame) => (100 * distance(frame, 62, 66)) / Math.max(1e-6, distance(frame, 48, 54)),
  );
  const mean = openings.reduce((sum, value) => sum + value, 0) / count;
  return Math.sqrt(openings.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count);
}

const greatest = (values: number[]) => values.reduce((most, value) => Math.max(most, value), 0);

function meanOf(count: number, value: (index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += value(i);
  return sum / count;
}

const BINS = 20;

/** Counts values into 20 bins from `low` to `high`; what lies outside goes into the outermost. */
function spreadOf(values: number[], low: number, high: number): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const bins = new Array<number>(BINS).fill(0);
  for (const value of values) {
    bins[Math.min(BINS - 1, Math.max(0, Math.floor(((value - low) / (high - low || 1)) * BINS)))]++;
  }
  return { least: sorted[0], median: median(values), greatest: sorted[sorted.length - 1], low, high, bins };
}
