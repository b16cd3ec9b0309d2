import type { SyncRecipe } from '@lipsync/contracts';
import { frameShape } from '@lipsync/contracts';
import { cutFeatureWindow, makeView, sampleView, toRecipeValues, windowCount } from '@lipsync/sync-windows';
import type { ClipOffset, OffsetReading, StoreRecipe } from '../store/clip';
import type { Preparation } from './preparation';
import type { SegmentAudio } from './segment-audio';

/** What a sync network is fed with at one frame: `[height, width, frames * 3]` and `[bins, melSteps]`. */
export type OffsetWindow = { frames: Float32Array; features: Float32Array };

/** Measures the offset between frame and audio with a sync network; see `offsetStage` of the command line for one. */
export type OffsetStage = {
  /** The network's name, and its weights. */
  expert: string;
  weightsHash?: string;
  /** What it is fed with. */
  recipe: SyncRecipe;
  /** Most windows that it is shown, from the middle of a segment. Default all. */
  mostWindows?: number;
  /** Reads the offset off consecutive windows, one a frame. */
  measure(windows: AsyncIterable<OffsetWindow>): Promise<OffsetReading>;
};

/** Frames of a segment as the network's crop shows them, all rows. */
export type OffsetFrames = { crop: StoreRecipe['crop']; frames: Uint8Array; count: number };

/** Measures one segment; undefined where it is too short for two windows. */
export async function measureSegment(
  stage: OffsetStage,
  frames: OffsetFrames,
  audio: SegmentAudio,
): Promise<OffsetReading | undefined> {
  const { recipe } = stage;
  const features = audio.features(recipe.features, Math.ceil((frames.count * 100) / recipe.fps) + 1); // no features have more steps a second
  const windows = windowCount(frames.count, features.steps, recipe);
  if (windows < 2) return undefined;
  const shown = Math.min(windows, stage.mostWindows ?? windows);
  return stage.measure(windowsOf(recipe, frames, features, Math.floor((windows - shown) / 2), shown));
}

/** `count` windows from the one at `first` on. */
async function* windowsOf(
  recipe: SyncRecipe,
  pictures: OffsetFrames,
  features: ReturnType<SegmentAudio['features']>,
  first: number,
  count: number,
): AsyncGenerator<OffsetWindow> {
  const { height, width } = frameShape(recipe.crop);
  const length = height * width * 3;
  const bytes = pictures.frames.length / pictures.count;
  const view = makeView(pictures.crop, recipe.crop);
  const ring = Array.from({ length: recipe.frameCount }, () => new Float32Array(length));
  for (let frame = first; frame < first + count + recipe.frameCount - 1; frame++) {
    const latest = ring[frame % recipe.frameCount];
    sampleView(pictures.frames.subarray(frame * bytes, (frame + 1) * bytes), view, 0, 1, latest);
    toRecipeValues(latest, recipe);
    const start = frame - recipe.frameCount + 1;
    if (start < first) continue;
    const frames = new Float32Array(length * recipe.frameCount);
    for (let t = 0; t < recipe.frameCount; t++) {
      const picture = ring[(start + t) % recipe.frameCount];
      for (let from = 0, to = t * 3; from < length; from += 3, to += recipe.frameCount * 3) {
        frames[to] = picture[from];
        frames[to + 1] = picture[from + 1];
        frames[to + 2] = picture[from + 2];
      }
    }
    yield { frames, features: cutFeatureWindow(features, start, { recipe }) };
  }
}

/** What is done about an offset that was measured: frames by which the audio is to be delayed, or why the clip is dropped. */
export function decideOffset(
  reading: OffsetReading,
  { offset, keepOffset, maxOffset, correctionConfidence, minConfidence }: Preparation,
): { delayFrames: number } | { reason: 'offset unknown' | 'offset too large'; detail: string } {
  if (reading.confidence < minConfidence) {
    return { reason: 'offset unknown', detail: `confidence ${reading.confidence.toFixed(3)}, below ${minConfidence}` };
  }
  const sure = reading.confidence * Math.sqrt(reading.windows / 100) >= correctionConfidence;
  if (sure && Math.abs(reading.frameCount) > maxOffset) {
    return { reason: 'offset too large', detail: `${reading.frameCount} frames, above ${maxOffset}` };
  }
  const moves = offset === 'correct' && sure && Math.abs(reading.frameCount) > keepOffset;
  return { delayFrames: moves ? reading.frameCount : 0 };
}

/** The same in the form in which a clip keeps it. */
export function offsetRecord(
  { expert, weightsHash }: OffsetStage,
  measured: OffsetReading,
  corrected: number,
  after?: OffsetReading,
): ClipOffset {
  return { expert, ...(weightsHash ? { weightsHash } : {}), measured, corrected, ...(after ? { after } : {}) };
}
