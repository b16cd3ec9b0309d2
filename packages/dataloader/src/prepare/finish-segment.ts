import type { FaceTrack, Mel } from '@lipsync/contracts';
import type { CropPlan } from '@lipsync/face-crop';
import type { Clip } from '../store/clip';
import { clipId } from '../store/clip-id';
import { clipQuality, failedGate } from './clip-quality';
import type { ClipStore, Drop } from '../store/clip-store';
import type { Preparation } from './preparation';
import { decideOffset, measureSegment, offsetRecord } from './segment-offset';
import type { PrepareStages } from './prepare-stages';
import { segmentSound } from './segment-sound';
import type { SegmentSound } from './segment-sound';
import type { SoundCursor } from '@lipsync/sync-windows';
import { storedCropFor } from '@lipsync/sync-windows';
import { melAlignedFrames } from './track-segments';
import type { TrackedVideo } from '@lipsync/sync-windows';

/** The pictures of one segment of a face, all there. */
export type FilledSegment = {
  track: FaceTrack;
  plan: CropPlan;
  /** Which segment of the track it is. */
  number: number;
  /** Index in the video of its first picture. */
  firstFrame: number;
  count: number;
  frames: Uint8Array;
  /** The same pictures in the crop of the network that measures offsets, where that is another. */
  offsetFrames?: Uint8Array;
  identity?: Float32Array;
};

export type SegmentContext = {
  source: string;
  preparation: Preparation;
  stages?: Pick<PrepareStages, 'offset' | 'sharpness'>;
  sound: SoundCursor;
  video: TrackedVideo;
  /** Logits of the whole sound. */
  logits?: Mel;
  store: ClipStore;
  sourceSha256?: string;
  person?: string;
};

/**
 * Makes a clip of a segment and writes it: measures the offset, moves the sound, measures again, looks at the quality.
 *
 * @returns the clip's id, and the confidence of a network in it; or why it is dropped.
 */
export async function finishSegment(
  segment: FilledSegment,
  context: SegmentContext,
): Promise<{ id: string; confidence?: number } | Pick<Drop, 'reason' | 'detail'>> {
  const { preparation, sound, video, store } = context;
  const { minFrames, silencePeak } = preparation;
  const { fps, stepsPerSecond } = store.recipe;
  const soundOf = ({ firstFrame, count }: FilledSegment, delayFrames: number) =>
    segmentSound(sound, { firstFrame, frames: count, fps, delayFrames });

  let kept = segment;
  if (kept.count < minFrames) return { reason: 'too short', detail: `${kept.count} pictures, fewer than ${minFrames}` };
  let piece = await soundOf(kept, 0);
  const fewest = Math.ceil((stepsPerSecond * minFrames) / fps);
  // One step more than the pictures need, for a start that is a step late in training.
  const melOf = () => piece.features(store.recipe.mel, Math.ceil((stepsPerSecond * kept.count) / fps) + 1);
  let mel = melOf();
  const shortSound = () => ({ reason: 'sound too short' as const, detail: `${mel.steps} mel steps for ${kept.count} pictures, fewer than ${fewest}` });
  if (mel.steps < fewest) return shortSound();
  const peak = piece.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak < silencePeak) return { reason: 'silent', detail: `largest sample ${peak.toPrecision(3)}, below ${silencePeak}` };

  const offset = await settleOffset(kept, piece, context, soundOf);
  if (offset && 'reason' in offset) return offset;
  if (offset?.moved) {
    ({ segment: kept, sound: piece } = offset.moved);
    mel = melOf();
    if (mel.steps < fewest) return shortSound();
  }

  const { track, plan, firstFrame, count, frames, identity } = kept;
  const from = firstFrame - track.firstFrame;
  const clip: Omit<Clip, 'id' | 'quality'> = {
    frames,
    count,
    height: plan.height,
    width: plan.width,
    mel,
    sound: Int16Array.from(piece.samples, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768)))),
    landmarks: track.points.slice(from * 136, (from + count) * 136),
    poses: plan.poses.slice(from * 4, (from + count) * 4),
    firstFrame,
    score: track.score,
    interpolated: track.interpolated,
    film: filmOf(video),
    ...(context.logits ? { logits: logitsOf(context.logits, firstFrame - (offset?.record.corrected ?? 0), count) } : {}),
    ...(offset ? { offset: offset.record } : {}),
    ...(identity ? { identity } : {}),
    ...(context.sourceSha256 === undefined ? {} : { sourceSha256: context.sourceSha256 }),
    ...(context.person === undefined ? {} : { person: context.person }),
  };
  const quality = clipQuality(clip, video.picture, fps, context.stages?.sharpness);
  const failed = failedGate(quality, track.score, preparation.gates);
  if (failed) return failed;
  const id = clipId(context.source, track.id, segment.number);
  await store.write({ ...clip, id, quality });
  return { id, confidence: offset?.record.measured.confidence };
}

/** Steps from one of them on; fewer where the sound ends before, the first again where it has not begun. */
function logitsOf({ data, steps, bins }: Mel, from: number, count: number): Mel {
  const kept = Math.max(1, Math.min(count, steps - from));
  const out = new Float32Array(kept * bins);
  for (let step = 0; step < kept; step++) {
    const at = Math.min(steps - 1, Math.max(0, from + step)) * bins;
    out.set(data.subarray(at, at + bins), step * bins);
  }
  return { data: out, steps: kept, bins };
}

const filmOf = ({ info, picture }: TrackedVideo) => ({ fps: Math.round(info.video!.fps * 1000) / 1000, ...picture });

type SettledOffset = {
  record: NonNullable<Clip['offset']>;
  /** With its sound moved; without the pictures for which there is no sound then. */
  moved?: { segment: FilledSegment; sound: SegmentSound };
};

async function settleOffset(
  segment: FilledSegment,
  sound: SegmentSound,
  { preparation, stages, store }: SegmentContext,
  soundOf: (segment: FilledSegment, delayFrames: number) => Promise<SegmentSound>,
): Promise<SettledOffset | Pick<Drop, 'reason' | 'detail'> | undefined> {
  const stage = preparation.offset === 'none' ? undefined : stages?.offset;
  if (!stage) return undefined;
  const picturesOf = ({ frames, offsetFrames, count }: FilledSegment) =>
    offsetFrames ? { crop: storedCropFor(stage.recipe.crop), frames: offsetFrames, count } : { crop: store.recipe.crop, frames, count };
  const measured = await measureSegment(stage, picturesOf(segment), sound);
  if (!measured) return preparation.minConfidence > 0 ? { reason: 'offset unknown', detail: `${segment.count} pictures, too few to measure` } : undefined;
  const decision = decideOffset(measured, preparation);
  if ('reason' in decision) return decision;
  const { delayFrames } = decision;
  if (delayFrames === 0) return { record: offsetRecord(stage, measured, 0) };

  const { fps, stepsPerSecond } = store.recipe;
  const moved = withoutStart(segment, delayFrames, melAlignedFrames(fps, stepsPerSecond));
  if (moved.count < preparation.minFrames) return { reason: 'too short', detail: `${moved.count} pictures after its sound was moved by ${delayFrames} frames` };
  const movedSound = await soundOf(moved, delayFrames);
  const after = await measureSegment(stage, picturesOf(moved), movedSound);
  if (!after) return { reason: 'too short', detail: `${moved.count} pictures after its sound was moved by ${delayFrames} frames, too few to measure again` };
  if (Math.abs(after.frames) > Math.max(1, preparation.keepOffset)) {
    return { reason: 'offset stays', detail: `${measured.frames} frames; ${after.frames} after the sound was moved by as many` };
  }
  return { record: offsetRecord(stage, measured, delayFrames, after), moved: { segment: moved, sound: movedSound } };
}

/** Without the first pictures of a video, for which a delayed sound has nothing; a whole number of `align` pictures. */
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
