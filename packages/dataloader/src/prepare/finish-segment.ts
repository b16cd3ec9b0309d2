import type { FaceTrack, Features } from '@lipsync/contracts';
import type { CropPlan } from '@lipsync/face-crop';
import type { AudioCursor, TrackedVideo } from '@lipsync/sync-windows';
import { storedCropFor } from '@lipsync/sync-windows';
import type { Clip } from '../store/clip';
import { clipId } from '../store/clip-id';
import type { ClipStore } from '../store/clip-store';
import type { Drop } from '../store/store-records';
import { clipQuality, failedGate } from './clip-quality';
import type { Preparation } from './preparation';
import type { PrepareStages } from './prepare-stages';
import type { SegmentAudio } from './segment-audio';
import { segmentAudio } from './segment-audio';
import { decideOffset, measureSegment, offsetOf, offsetRecord } from './segment-offset';
import { featureAlignedFrames } from './track-segments';

/** A segment of a face track with all its frames. */
export type FilledSegment = {
  track: FaceTrack;
  plan: CropPlan;
  /** Index of the segment in the track. */
  number: number;
  /** Index in the video of its first frame. */
  firstFrame: number;
  frameCount: number;
  /** `[frameCount, height, width, 3]`, RGB, 0..255. */
  frames: Uint8Array;
  /** The same frames in the crop of the network that measures offsets, where it cannot be taken from `frames`. */
  offsetFrames?: Uint8Array;
  faceEmbedding?: Float32Array;
};

export type SegmentContext = {
  source: string;
  preparation: Preparation;
  stages?: Pick<PrepareStages, 'offset' | 'sharpness'>;
  audio: AudioCursor;
  video: TrackedVideo;
  /** Logits of the whole audio. */
  logits?: Features;
  store: ClipStore;
  sourceSha256?: string;
  person?: string;
};

type DropCause = Pick<Drop, 'reason' | 'detail'>;

/** A segment and its audio as they go into the clip. */
type Settled = { segment: FilledSegment; audio: SegmentAudio; features: Features; offset?: Clip['offset'] };

/**
 * Makes a clip of a segment and writes it: measures the offset, moves the audio, measures again, checks the quality.
 *
 * @returns the clip's id, and the network's confidence in it; or why it is dropped.
 */
export async function finishSegment(
  segment: FilledSegment,
  context: SegmentContext,
): Promise<{ id: string; confidence?: number } | DropCause> {
  const { preparation, video, store } = context;
  const settled = await settleSegment(segment, context);
  if ('reason' in settled) return settled;
  const clip = clipOf(settled, context);
  const { sharpness } = context.stages ?? {};
  const quality = clipQuality(clip, { frameSize: video.frameSize, fps: store.recipe.fps, sharpness });
  const failed = failedGate(quality, clip.score, preparation.gates);
  if (failed) return failed;
  const id = clipId(context.source, segment.track.id, segment.number);
  await store.write({ ...clip, id, quality });
  return { id, confidence: settled.offset?.measured.confidence };
}

/** The segment with its audio corrected, or why it is dropped. */
async function settleSegment(segment: FilledSegment, context: SegmentContext): Promise<Settled | DropCause> {
  const { minFrames, silencePeak } = context.preparation;
  const { fps, stepsPerSecond, features: name } = context.store.recipe;
  if (segment.frameCount < minFrames)
    return { reason: 'too short', detail: `${segment.frameCount} frames, fewer than ${minFrames}` };
  const fewest = Math.ceil((stepsPerSecond * minFrames) / fps);
  const withFeatures = (kept: FilledSegment, audio: SegmentAudio, offset?: Clip['offset']): Settled | DropCause => {
    // One step more than the frames need, for a start that is a step late in training.
    const features = audio.features(name, Math.ceil((stepsPerSecond * kept.frameCount) / fps) + 1);
    if (features.steps >= fewest) return { segment: kept, audio, features, offset };
    const detail = `${features.steps} feature steps for ${kept.frameCount} frames, fewer than ${fewest}`;
    return { reason: 'audio too short', detail };
  };

  const audio = await audioOf(segment, context, 0);
  const before = withFeatures(segment, audio);
  if ('reason' in before) return before;
  const peak = audio.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak < silencePeak)
    return { reason: 'silent', detail: `largest sample ${peak.toPrecision(3)}, below ${silencePeak}` };
  const offset = await settleOffset(segment, audio, context);
  if (!offset) return before;
  if ('reason' in offset) return offset;
  return offset.moved
    ? withFeatures(offset.moved.segment, offset.moved.audio, offset.record)
    : { ...before, offset: offset.record };
}

function clipOf({ segment, audio, features, offset }: Settled, context: SegmentContext): Omit<Clip, 'id' | 'quality'> {
  const { track, plan, firstFrame, frameCount, frames, faceEmbedding } = segment;
  const from = firstFrame - track.firstFrame;
  const { logits, sourceSha256, person, video } = context;
  return {
    frames,
    frameCount,
    height: plan.height,
    width: plan.width,
    features,
    audio: Int16Array.from(audio.samples, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768)))),
    landmarks: track.points.slice(from * 136, (from + frameCount) * 136),
    poses: plan.poses.slice(from * 4, (from + frameCount) * 4),
    firstFrame,
    score: track.score,
    interpolated: track.interpolated,
    video: { fps: Math.round(video.info.video!.fps * 1000) / 1000, ...video.frameSize },
    ...(logits ? { logits: logitsOf(logits, firstFrame - (offset?.corrected ?? 0), frameCount) } : {}),
    ...(offset ? { offset } : {}),
    ...(faceEmbedding ? { faceEmbedding } : {}),
    ...(sourceSha256 === undefined ? {} : { sourceSha256 }),
    ...(person === undefined ? {} : { person }),
    ...(video.audioLevel.speechDb === undefined ? {} : { speechDb: video.audioLevel.speechDb }),
  };
}

/** Steps from one of them on; fewer where the audio ends before, the first again where it has not begun. */
function logitsOf({ data, steps, bins }: Features, from: number, frameCount: number): Features {
  const kept = Math.max(1, Math.min(frameCount, steps - from));
  const out = new Float32Array(kept * bins);
  for (let step = 0; step < kept; step++) {
    const at = Math.min(steps - 1, Math.max(0, from + step)) * bins;
    out.set(data.subarray(at, at + bins), step * bins);
  }
  return { data: out, steps: kept, bins };
}

const audioOf = (
  { firstFrame, frameCount }: FilledSegment,
  { audio, store, video }: SegmentContext,
  delayFrames: number,
): Promise<SegmentAudio> => {
  const { speechDb } = video.audioLevel;
  return segmentAudio(audio, { firstFrame, frameCount, fps: store.recipe.fps, delayFrames, speechDb });
};

type SettledOffset = {
  record: NonNullable<Clip['offset']>;
  /** With its audio moved; without the frames that have no audio then. */
  moved?: { segment: FilledSegment; audio: SegmentAudio };
};

async function settleOffset(
  segment: FilledSegment,
  audio: SegmentAudio,
  context: SegmentContext,
): Promise<SettledOffset | DropCause | undefined> {
  const { preparation, stages, store } = context;
  const stage = preparation.offset === 'none' ? undefined : stages?.offset;
  if (!stage) return undefined;
  const framesOf = ({ frames, offsetFrames, frameCount }: FilledSegment) =>
    offsetFrames
      ? { crop: storedCropFor(stage.recipe.crop), frames: offsetFrames, frameCount }
      : { crop: store.recipe.crop, frames, frameCount };
  const measured = await measureSegment(stage, framesOf(segment), audio);
  if (!measured)
    return preparation.minConfidence > 0
      ? { reason: 'offset unknown', detail: `${segment.frameCount} frames, too few to measure` }
      : undefined;
  const decision = decideOffset(measured, preparation);
  if ('reason' in decision) return decision;
  const { delayFrames } = decision;
  if (delayFrames === 0) return { record: offsetRecord(stage, measured, 0) };

  const { fps, stepsPerSecond } = store.recipe;
  const moved = withoutStart(segment, delayFrames, featureAlignedFrames(fps, stepsPerSecond));
  const tooShort = `${moved.frameCount} frames after its audio was moved by ${delayFrames} frames`;
  if (moved.frameCount < preparation.minFrames) return { reason: 'too short', detail: tooShort };
  const movedAudio = await audioOf(moved, context, delayFrames);
  const after = await measureSegment(stage, framesOf(moved), movedAudio);
  if (!after) return { reason: 'too short', detail: `${tooShort}, too few to measure again` };
  const remaining = offsetOf(after, preparation);
  if (Math.abs(remaining) > preparation.maxRemainingOffset) {
    const detail = `${delayFrames} frames; ${remaining} after the audio was moved by as many`;
    return { reason: 'offset stays', detail };
  }
  return {
    record: offsetRecord(stage, measured, delayFrames, after),
    moved: { segment: moved, audio: movedAudio },
  };
}

/** Without the first frames of a video, for which delayed audio has nothing; a whole number of `align` frames. */
function withoutStart(segment: FilledSegment, delayFrames: number, align: number): FilledSegment {
  const missing = Math.max(0, delayFrames - segment.firstFrame);
  const skipped = Math.min(segment.frameCount, Math.ceil(missing / align) * align);
  if (skipped === 0) return segment;
  const rest = (frames: Uint8Array) => frames.subarray((frames.length / segment.frameCount) * skipped);
  return {
    ...segment,
    firstFrame: segment.firstFrame + skipped,
    frameCount: segment.frameCount - skipped,
    frames: rest(segment.frames),
    ...(segment.offsetFrames ? { offsetFrames: rest(segment.offsetFrames) } : {}),
  };
}
