import type { SyncExpert } from '@lipsync/contracts/tensors';
import { localEmbedder, syncVerdict, WindowScorer } from '@lipsync/metrics';
import { cutFeatureWindow, cutMouthWindow, windowCount } from '@lipsync/sync-windows';
import { anglesOf, type Clip } from '../store/clip';
import { featuresFor } from '../store/clip-features';
import type { ClipStore } from '../store/clip-store';

/** Offsets of the clips, measured by one expert. */
export type MeasuredOffsets = {
  /** Name of the expert, and SHA-256 of its weights. */
  expert: string;
  weightsHash?: string;
  /** Number of clips by offset, -15 to 15 frames, those beyond at the ends; positive: the audio leads. */
  counts: { offsetFrames: number; clips: number }[];
  /** Share of the clips with an offset that are more than 2 frames off, 0..1. */
  beyondTwo: number;
  /** Clips without an answer: no offset can be relied on. */
  unknown: number;
  /** Clips too short for a window. */
  leftOut: number;
  /** Clips whose audio was moved in the preparation. */
  corrected: number;
};

/** Counts of offsets, clip by clip. */
export class OffsetCounts {
  #expert?: { name: string; weightsHash?: string };
  #found = new Map<number, number>();
  #unknown = 0;
  #leftOut = 0;
  #corrected = 0;

  /** @param offsetFrames null without an answer, undefined for a clip too short for a window. */
  add(
    offsetFrames: number | null | undefined,
    kept: Clip['offset'],
    expert: { name: string; weightsHash?: string },
  ): void {
    this.#expert ??= expert;
    if (kept && kept.corrected !== 0) this.#corrected++;
    if (offsetFrames === undefined) this.#leftOut++;
    else if (offsetFrames === null) this.#unknown++;
    else {
      const shown = Math.max(-15, Math.min(15, offsetFrames));
      this.#found.set(shown, (this.#found.get(shown) ?? 0) + 1);
    }
  }

  /** Undefined where no expert measured. */
  report(): MeasuredOffsets | undefined {
    if (!this.#expert) return undefined;
    const counts = Array.from({ length: 31 }, (_, i) => ({
      offsetFrames: i - 15,
      clips: this.#found.get(i - 15) ?? 0,
    }));
    const sum = (some: typeof counts) => some.reduce((total, { clips }) => total + clips, 0);
    const total = sum(counts);
    const beyond = sum(counts.filter(({ offsetFrames }) => Math.abs(offsetFrames) > 2));
    const { name, weightsHash } = this.#expert;
    return {
      expert: name,
      ...(weightsHash ? { weightsHash } : {}),
      counts,
      beyondTwo: total > 0 ? beyond / total : 0,
      unknown: this.#unknown,
      leftOut: this.#leftOut,
      corrected: this.#corrected,
    };
  }
}

/** Offset in frames of a stored clip; null without an answer, undefined where it is too short for a window. */
export async function clipOffset(clip: Clip, store: ClipStore, expert: SyncExpert): Promise<number | null | undefined> {
  const { recipe } = expert;
  const { crop } = store.recipe;
  const features = featuresFor(clip, recipe, store.recipe);
  const windows = windowCount(clip.frameCount, features.steps, recipe);
  if (windows < 2) return undefined;
  const scorer = new WindowScorer(localEmbedder(expert));
  for (let start = 0; start < windows; start++) {
    const frames = cutMouthWindow(clip.frames, start, { stored: crop, recipe, angles: anglesOf(clip) });
    await scorer.update({ frames, features: cutFeatureWindow(features, start, { recipe }) });
  }
  const speechShare = clip.quality?.voiced;
  const facts = speechShare === undefined ? {} : { speechShare };
  return syncVerdict(await scorer.compute(), { ...facts, calibration: expert.calibration }).offsetFrames;
}

/** The offset of a clip by its preparation, after the correction; null without an answer. */
export function keptOffset({ measured, after = measured }: NonNullable<Clip['offset']>): number | null {
  return after.verdict ? after.verdict.offsetFrames : after.offsetFrames;
}
