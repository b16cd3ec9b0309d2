import type { SyncRecipe } from '@lipsync/contracts';
import { pictureShape } from '@lipsync/contracts';
import type { ClipOffset, OffsetReading, StoreRecipe } from '../store/clip';
import { cutMelWindow } from '@lipsync/sync-windows';
import { makeView, sampleView, toRecipeValues } from '@lipsync/sync-windows';
import type { Preparation } from './preparation';
import type { SegmentSound } from './segment-sound';
import { windowCount } from '@lipsync/sync-windows';

/** What a sync network is fed with at one picture: `[height, width, frames * 3]` and `[bins, melSteps]`. */
export type OffsetWindow = { frames: Float32Array; mel: Float32Array };

/** Measures the offset between picture and sound with a sync network; see `offsetStage` of the command line for one. */
export type OffsetStage = {
  /** The network's name, and its weights. */
  expert: string;
  weightsHash?: string;
  /** What it is fed with. */
  recipe: SyncRecipe;
  /** Most windows that it is shown, from the middle of a segment. Default all. */
  mostWindows?: number;
  /** Reads the offset off consecutive windows, one a picture. */
  measure(windows: AsyncIterable<OffsetWindow>): Promise<OffsetReading>;
};

/** Pictures of a segment as the network's crop shows them, all rows. */
export type OffsetPictures = { crop: StoreRecipe['crop']; frames: Uint8Array; count: number };

/** Measures one segment; undefined where it is too short for two windows. */
export async function measureSegment(stage: OffsetStage, pictures: OffsetPictures, sound: SegmentSound): Promise<OffsetReading | undefined> {
  const { recipe } = stage;
  const mel = sound.features(recipe.mel, Math.ceil((pictures.count * 100) / recipe.fps) + 1); // no features have more steps a second
  const windows = windowCount(pictures.count, mel.steps, recipe);
  if (windows < 2) return undefined;
  const shown = Math.min(windows, stage.mostWindows ?? windows);
  return stage.measure(windowsOf(recipe, pictures, mel, Math.floor((windows - shown) / 2), shown));
}

/** `count` windows from the one at `first` on. */
async function* windowsOf(
  recipe: SyncRecipe,
  pictures: OffsetPictures,
  mel: ReturnType<SegmentSound['features']>,
  first: number,
  count: number,
): AsyncGenerator<OffsetWindow> {
  const { height, width } = pictureShape(recipe.crop);
  const length = height * width * 3;
  const bytes = pictures.frames.length / pictures.count;
  const view = makeView(pictures.crop, recipe.crop);
  const ring = Array.from({ length: recipe.frames }, () => new Float32Array(length));
  for (let frame = first; frame < first + count + recipe.frames - 1; frame++) {
    const latest = ring[frame % recipe.frames];
    sampleView(pictures.frames.subarray(frame * bytes, (frame + 1) * bytes), view, 0, 1, latest);
    toRecipeValues(latest, recipe);
    const start = frame - recipe.frames + 1;
    if (start < first) continue;
    const frames = new Float32Array(length * recipe.frames);
    for (let t = 0; t < recipe.frames; t++) {
      const picture = ring[(start + t) % recipe.frames];
      for (let from = 0, to = t * 3; from < length; from += 3, to += recipe.frames * 3) {
        frames[to] = picture[from];
        frames[to + 1] = picture[from + 1];
        frames[to + 2] = picture[from + 2];
      }
    }
    yield { frames, mel: cutMelWindow(mel, start, { recipe }) };
  }
}

/** What is done about an offset that was measured: frames by which the sound is to be delayed, or why the clip is dropped. */
export function decideOffset(
  reading: OffsetReading,
  { offset, keepOffset, maxOffset, sureConfidence, minConfidence }: Preparation,
): { delayFrames: number } | { reason: 'offset unknown' | 'offset too large'; detail: string } {
  if (reading.confidence < minConfidence) {
    return { reason: 'offset unknown', detail: `confidence ${reading.confidence.toFixed(3)}, below ${minConfidence}` };
  }
  const sure = reading.confidence * Math.sqrt(reading.windows / 100) >= sureConfidence;
  if (sure && Math.abs(reading.frames) > maxOffset) {
    return { reason: 'offset too large', detail: `${reading.frames} frames, above ${maxOffset}` };
  }
  const moves = offset === 'correct' && sure && Math.abs(reading.frames) > keepOffset;
  return { delayFrames: moves ? reading.frames : 0 };
}

/** The same in the form in which a clip keeps it. */
export function offsetRecord({ expert, weightsHash }: OffsetStage, measured: OffsetReading, corrected: number, after?: OffsetReading): ClipOffset {
  return { expert, ...(weightsHash ? { weightsHash } : {}), measured, corrected, ...(after ? { after } : {}) };
}
