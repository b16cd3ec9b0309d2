import type { Features, SyncRecipe } from '@lipsync/contracts';
import { cutFeatureWindow, WindowSampler, windowCount } from '@lipsync/sync-windows';
import type { ClipOffset, OffsetReading, StoreRecipe } from '../store/clip';
import type { Preparation } from './preparation';
import type { SegmentAudio } from './segment-audio';

/** A sync network's input at one frame: `[height, width, frameCount * 3]` and `[bins, featureSteps]`. */
export type OffsetWindow = { frames: Float32Array; features: Float32Array };

/** Measures the offset between video and audio with a sync network; `offsetStage` makes one of an expert. */
export type OffsetStage = {
  /** The network's name, and SHA-256 of its weights. */
  expert: string;
  weightsHash?: string;
  /** What its input is made by. */
  recipe: SyncRecipe;
  /** Most windows that are measured, from the middle of a segment. Default all. */
  mostWindows?: number;
  /** Measures the offset of consecutive windows, one per frame. */
  measure(windows: AsyncIterable<OffsetWindow>): Promise<OffsetReading>;
};

/** Frames of a segment in a crop from which the network's can be taken, all rows. */
export type OffsetFrames = {
  crop: StoreRecipe['crop'];
  /** `[frameCount, height, width, 3]`, RGB, 0..255. */
  frames: Uint8Array;
  frameCount: number;
};

/** Measures one segment; undefined where it is too short for two windows. */
export async function measureSegment(
  stage: OffsetStage,
  frames: OffsetFrames,
  audio: SegmentAudio,
): Promise<OffsetReading | undefined> {
  const { recipe } = stage;
  const most = Math.ceil((frames.frameCount * 100) / recipe.fps) + 1; // no features have more steps a second
  const features = audio.features(recipe.features, most, recipe.loudness);
  const windows = windowCount(frames.frameCount, features.steps, recipe);
  if (windows < 2) return undefined;
  const measured = Math.min(windows, stage.mostWindows ?? windows);
  const first = Math.floor((windows - measured) / 2);
  return stage.measure(windowsOf(recipe, frames, { features, first, count: measured }));
}

/** `count` windows from the one at `first` on. */
async function* windowsOf(
  recipe: SyncRecipe,
  segment: OffsetFrames,
  { features, first, count }: { features: Features; first: number; count: number },
): AsyncGenerator<OffsetWindow> {
  const bytes = segment.frames.length / segment.frameCount;
  const sampler = new WindowSampler(segment.crop, recipe);
  for (let index = first; index < first + count + recipe.frameCount - 1; index++) {
    const frames = sampler.push(segment.frames.subarray(index * bytes, (index + 1) * bytes));
    if (!frames) continue;
    yield { frames, features: cutFeatureWindow(features, index - recipe.frameCount + 1, { recipe }) };
  }
}

/** What to do about a measured offset: the frames by which the audio is to be delayed, or why the clip is dropped. */
export function decideOffset(
  reading: OffsetReading,
  { offset, toleratedOffset, maxOffset, correctionConfidence, minConfidence }: Preparation,
): { delayFrames: number } | { reason: 'offset unknown' | 'offset too large'; detail: string } {
  if (reading.confidence < minConfidence) {
    return { reason: 'offset unknown', detail: `confidence ${reading.confidence.toFixed(3)}, below ${minConfidence}` };
  }
  const sure = reading.confidence * Math.sqrt(reading.windows / 100) >= correctionConfidence;
  if (sure && Math.abs(reading.offsetFrames) > maxOffset) {
    return { reason: 'offset too large', detail: `${reading.offsetFrames} frames, above ${maxOffset}` };
  }
  const moves = offset === 'correct' && sure && Math.abs(reading.offsetFrames) > toleratedOffset;
  return { delayFrames: moves ? reading.offsetFrames : 0 };
}

/** The measurements and the correction as a clip keeps them. */
export function offsetRecord(
  { expert, weightsHash }: OffsetStage,
  measured: OffsetReading,
  corrected: number,
  after?: OffsetReading,
): ClipOffset {
  return { expert, ...(weightsHash ? { weightsHash } : {}), measured, corrected, ...(after ? { after } : {}) };
}
