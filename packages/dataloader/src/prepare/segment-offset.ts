import { voiceActivity } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE, type Features, type SyncRecipe } from '@lipsync/contracts';
import type { VerdictFacts } from '@lipsync/metrics';
import { cutFeatureWindow, WindowSampler, windowCount } from '@lipsync/sync-windows';
import type { ClipOffset, OffsetReading, OffsetVerdict, StoreRecipe } from '../store/clip';
import { GENERAL, type Preparation } from './preparation';
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
  /**
   * Measures the offset of consecutive windows, one per frame.
   *
   * @param facts what is known of the segment beside, for a verdict.
   */
  measure(windows: AsyncIterable<OffsetWindow>, facts?: VerdictFacts): Promise<OffsetReading>;
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
  const speechShare = speechIn(audio.samples, { fps: recipe.fps, first, count: measured + recipe.frameCount - 1 });
  return stage.measure(windowsOf(recipe, frames, { features, first, count: measured }), { speechShare });
}

/** Share of frames with speech, by voice activity. */
function speechIn(samples: Float32Array, { fps, first, count }: { fps: number; first: number; count: number }): number {
  const flags = voiceActivity({ samples, sampleRate: AUDIO_SAMPLE_RATE }, { fps }).subarray(first, first + count);
  return flags.reduce((sum, flag) => sum + flag, 0) / Math.max(1, flags.length);
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

/** Likeliest offset, frames, up to which audio counts as in place: that of other audio is as likely anywhere else. */
const IN_PLACE = 2;

/** Confidence that is enough to keep a clip whose audio is in place, however high `keepConfidence` is. */
const CONFIDENCE_IN_PLACE = 0.7;

/** The same for networks without a calibration: `zScore` of the verdict. */
const LEAST_Z_IN_PLACE = 2.5;

/** The frames by which a clip's audio is to be delayed, or why the clip is dropped. */
export type OffsetDecision =
  | { delayFrames: number }
  | { reason: 'offset unknown' | 'offset changes' | 'offset too large'; detail: string };

/**
 * What a preparation does about a measured offset.
 *
 * @example
 * const decision = decideOffset(await stage.measure(windows), GENERAL);
 * if ('reason' in decision) console.log(decision.reason, decision.detail);
 */
export function decideOffset(reading: OffsetReading, preparation: Preparation): OffsetDecision {
  const { verdict } = reading;
  return preparation.offsetRule === 'verdict' && verdict
    ? decideByVerdict(verdict, preparation)
    : decideByConfidence(reading, preparation);
}

/** The offset of a reading: the verdict's, where the preparation goes by it and it has one. */
export function offsetOf({ verdict, offsetFrames }: OffsetReading, { offsetRule }: Preparation): number {
  return (offsetRule === 'verdict' ? verdict?.offsetFrames : undefined) ?? offsetFrames;
}

function decideByVerdict(verdict: OffsetVerdict, preparation: Preparation): OffsetDecision {
  const { offset, toleratedOffset, maxOffset, moveConfidence = GENERAL.moveConfidence } = preparation;
  if (offset !== 'correct') return { delayFrames: 0 };
  const { offsetFrames, reason, sentence } = verdict;
  if (reason === 'offset changes') return { reason, detail: sentence };
  if (offsetFrames === null)
    return worthKeeping(verdict, preparation) ? { delayFrames: 0 } : { reason: 'offset unknown', detail: sentence };
  if (Math.abs(offsetFrames) > maxOffset)
    return { reason: 'offset too large', detail: `${offsetFrames} frames, above ${maxOffset}` };
  if (Math.abs(offsetFrames) <= toleratedOffset) return { delayFrames: 0 };
  const { confidence } = verdict;
  return confidence === null || confidence >= moveConfidence
    ? { delayFrames: offsetFrames }
    : { reason: 'offset unknown', detail: unsure(offsetFrames, confidence, moveConfidence) };
}

const unsure = (offsetFrames: number, confidence: number, least: number) =>
  `${offsetFrames} frames at a confidence of ${confidence.toFixed(3)}, below ${least}`;

/** Whether a clip without an answer is kept: audio in place needs less confidence than other audio. */
function worthKeeping(
  { confidence, likeliestFrames, zScore, reason }: OffsetVerdict,
  { toleratedOffset, keepConfidence = GENERAL.keepConfidence }: Preparation,
): boolean {
  if (reason === 'too short') return true;
  if (reason !== 'no match' && reason !== 'several offsets') return false;
  const inPlace = likeliestFrames !== null && Math.abs(likeliestFrames) <= Math.max(IN_PLACE, toleratedOffset);
  if (confidence === null) return inPlace && (zScore ?? 0) >= LEAST_Z_IN_PLACE;
  return confidence >= (inPlace ? Math.min(keepConfidence, CONFIDENCE_IN_PLACE) : keepConfidence);
}

function decideByConfidence(
  reading: OffsetReading,
  { offset, toleratedOffset, maxOffset, correctionConfidence, minConfidence }: Preparation,
): OffsetDecision {
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
