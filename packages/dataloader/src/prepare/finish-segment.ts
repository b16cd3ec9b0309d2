import type { FaceTrack, Features } from '@lipsync/contracts';
import type { CropPlan } from '@lipsync/face-crop';
import type { AudioCursor, TrackedVideo } from '@lipsync/sync-windows';
import { storedCropFor } from '@lipsync/sync-windows';
import type { Clip } from '../store/clip';
import { clipId } from '../store/clip-id';
import type { ClipStore, Drop } from '../store/clip-store';
import { clipQuality, failedGate } from './clip-quality';
import type { Preparation } from './preparation';
import type { PrepareStages } from './prepare-stages';
import type { SegmentAudio } from './segment-audio';
import { segmentAudio } from './segment-audio';
import { decideOffset, measureSegment, offsetRecord } from './segment-offset';
import { featureAlignedFrames } from './track-segments';

/** The frames of one segment of a face, all there. */
export type FilledSegment = {
  track: FaceTrack;
  plan: CropPlan;
  /** Which segment of the track it is. */
  number: number;
  /** Index in the video of its first frame. */
  firstFrame: number;
  count: number;
  frames: Uint8Array;
  /** The same frames in the crop of the network that measures offsets, where that is another. */
  offsetFrames?: Uint8Array;
  identity?: Float32Array;
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

/**
 * Makes a clip of a segment and writes it: measures the offset, moves the audio, measures again, looks at the quality.
 *
 * @returns the clip's id, and the confidence of a network in it; or why it is dropped.
 */
export async function finishSegment(
  segment: FilledSegment,
  context: SegmentContext,
): Promise<{ id: string; confidence?: number } | Pick<Drop, 'reason' | 'detail'>> {
  const { preparation, audio, video, store } = context;
  const { minFrames, silencePeak } = preparation;
  const { fps, stepsPerSecond } = store.recipe;
  const audioOf = ({ firstFrame, count }: FilledSegment, delayFrames: number) =>
    segmentAudio(audio, { firstFrame, frameCount: count, fps, delayFrames });

  let kept = segment;
  if (kept.count < minFrames) return { reason: 'too short', detail: `${kept.count} frames, fewer than ${minFrames}` };
  let piece = await audioOf(kept, 0);
  const fewest = Math.ceil((stepsPerSecond * minFrames) / fps);
  // One step more than the frames need, for a start that is a step late in training.
  const featureOf = () => piece.features(store.recipe.features, Math.ceil((stepsPerSecond * kept.count) / fps) + 1);
  let features = featureOf();
  const shortAudio = () => ({
    reason: 'audio too short' as const,
    detail: `${features.steps} mel steps for ${kept.count} frames, fewer than ${fewest}`,
  });
  if (features.steps < fewest) return shortAudio();
  const peak = piece.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak < silencePeak)
    return { reason: 'silent', detail: `largest sample ${peak.toPrecision(3)}, below ${silencePeak}` };

  const offset = await settleOffset(kept, piece, context, audioOf);
  if (offset && 'reason' in offset) return offset;
  if (offset?.moved) {
    ({ segment: kept, audio: piece } = offset.moved);
    features = featureOf();
    if (features.steps < fewest) return shortAudio();
  }

  const { track, plan, firstFrame, count, frames, identity } = kept;
  const from = firstFrame - track.firstFrame;
  const clip: Omit<Clip, 'id' | 'quality'> = {
    frames,
    count,
    height: plan.height,
    width: plan.width,
    features,
    audio: Int16Array.from(piece.samples, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768)))),
    landmarks: track.points.slice(from * 136, (from + count) * 136),
    poses: plan.poses.slice(from * 4, (from + count) * 4),
    firstFrame,
    score: track.score,
    interpolated: track.interpolated,
    video: videoOf(video),
    ...(context.logits
      ? { logits: logitsOf(context.logits, firstFrame - (offset?.record.corrected ?? 0), count) }
      : {}),
    ...(offset ? { offset: offset.record } : {}),
    ...(identity ? { identity } : {}),
    ...(context.sourceSha256 === undefined ? {} : { sourceSha256: context.sourceSha256 }),
    ...(context.person === undefined ? {} : { person: context.person }),
  };
  const quality = clipQuality(clip, video.frameSize, fps, context.stages?.sharpness);
  const failed = failedGate(quality, track.score, preparation.gates);
  if (failed) return failed;
  const id = clipId(context.source, track.id, segment.number);
  await store.write({ ...clip, id, quality });
  return { id, confidence: offset?.record.measured.confidence };
}

/** Steps from one of them on; fewer where the audio ends before, the first again where it has not begun. */
function logitsOf({ data, steps, bins }: Features, from: number, count: number): Features {
  const kept = Math.max(1, Math.min(count, steps - from));
  const out = new Float32Array(kept * bins);
  for (let step = 0; step < kept; step++) {
    const at = Math.min(steps - 1, Math.max(0, from + step)) * bins;
    out.set(data.subarray(at, at + bins), step * bins);
  }
  return { data: out, steps: kept, bins };
}

const videoOf = ({ info, frameSize: frame }: TrackedVideo) => ({
  fps: Math.round(info.video!.fps * 1000) / 1000,
  ...frame,
});

type SettledOffset = {
  record: NonNullable<Clip['offset']>;
  /** With its audio moved; without the frames for which there is no audio then. */
  moved?: { segment: FilledSegment; audio: SegmentAudio };
};

async function settleOffset(
  segment: FilledSegment,
  audio: SegmentAudio,
  { preparation, stages, store }: SegmentContext,
  audioOf: (segment: FilledSegment, delayFrames: number) => Promise<SegmentAudio>,
): Promise<SettledOffset | Pick<Drop, 'reason' | 'detail'> | undefined> {
  const stage = preparation.offset === 'none' ? undefined : stages?.offset;
  if (!stage) return undefined;
  const framesOf = ({ frames, offsetFrames, count }: FilledSegment) =>
    offsetFrames
      ? { crop: storedCropFor(stage.recipe.crop), frames: offsetFrames, count }
      : { crop: store.recipe.crop, frames, count };
  const measured = await measureSegment(stage, framesOf(segment), audio);
  if (!measured)
    return preparation.minConfidence > 0
      ? { reason: 'offset unknown', detail: `${segment.count} frames, too few to measure` }
      : undefined;
  const decision = decideOffset(measured, preparation);
  if ('reason' in decision) return decision;
  const { delayFrames } = decision;
  if (delayFrames === 0) return { record: offsetRecord(stage, measured, 0) };

  const { fps, stepsPerSecond } = store.recipe;
  const moved = withoutStart(segment, delayFrames, featureAlignedFrames(fps, stepsPerSecond));
  if (moved.count < preparation.minFrames)
    return { reason: 'too short', detail: `${moved.count} frames after its audio was moved by ${delayFrames} frames` };
  const movedAudio = await audioOf(moved, delayFrames);
  const after = await measureSegment(stage, framesOf(moved), movedAudio);
  if (!after)
    return {
      reason: 'too short',
      detail: `${moved.count} frames after its audio was moved by ${delayFrames} frames, too few to measure again`,
    };
  if (Math.abs(after.frameCount) > Math.max(1, preparation.keepOffset)) {
    return {
      reason: 'offset stays',
      detail: `${measured.frameCount} frames; ${after.frameCount} after the audio was moved by as many`,
    };
  }
  return { record: offsetRecord(stage, measured, delayFrames, after), moved: { segment: moved, audio: movedAudio } };
}

/** Without the first frames of a video, for which a delayed audio has nothing; a whole number of `align` frames. */
function withoutStart(segment: FilledSegment, delayFrames: number, align: number): FilledSegment {
  const missing = Math.max(0, delayFrames - segment.firstFrame);
  const skipped = Math.min(segment.count, Math.ceil(missing / align) * align);
  if (skipped === 0) return segment;
  const rest = (frames: Uint8Array) => frames.subarray((frames.length / segment.count) * skipped);
  return {
    ...segment,
    firstFrame: segment.firstFrame + skipped,
    count: segment.count - skipped,
    frames: rest(segment.frames),
    ...(segment.offsetFrames ? { offsetFrames: rest(segment.offsetFrames) } : {}),
  };
}
