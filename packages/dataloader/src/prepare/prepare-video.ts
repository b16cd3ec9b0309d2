import type { FaceTrack, Features, LandmarkDetector, MediaReader, VideoFrame } from '@lipsync/contracts';
import { AUDIO_FEATURES, fail } from '@lipsync/contracts';
import type { CollectTracksOptions, CropPlan } from '@lipsync/face-crop';
import { planCrops } from '@lipsync/face-crop';
import type { TrackedVideo } from '@lipsync/sync-windows';
import {
  AudioCursor,
  canView,
  openTrackedVideo,
  storedCropFor,
  trackCrops,
  UnusableVideo,
} from '@lipsync/sync-windows';
import type { StoreRecipe } from '../store/clip';
import { assertLogits } from '../store/clip';
import { sourceName } from '../store/clip-id';
import type { ClipStore, Drop, SourceRecord } from '../store/clip-store';
import { largestFaces, overlapping } from './chosen-faces';
import type { FilledSegment } from './finish-segment';
import { finishSegment } from './finish-segment';
import type { Preparation } from './preparation';
import { assertPreparation, GENERAL } from './preparation';
import type { PrepareStages } from './prepare-stages';
import type { OffsetStage } from './segment-offset';
import type { Segment } from './track-segments';
import { featureAlignedFrames, trackSegments } from './track-segments';

export type PrepareOptions = {
  /** Where the video is. */
  path: string;
  /** Its path relative to the input folder: the clips' ids are made of it. */
  source: string;
  reader: MediaReader;
  /** Borrowed. Not needed where `tracks` are given. */
  detector?: LandmarkDetector;
  /** Faces that are known already, such as from `parseLandmarkFile`; a promise that fails drops the video for `bad landmarks`. */
  tracks?: readonly FaceTrack[] | Promise<readonly FaceTrack[] | undefined>;
  /**
   * The logits of the video's audio, `ASR_LOGITS`, which clips then keep: called once with its length; an error drops the video for `bad features`.
   * See `parseNpyLogits`.
   */
  logits?: (durationSec: number) => Promise<Features> | Features;
  /** What is done and kept. Default `GENERAL`. */
  preparation?: Preparation;
  stages?: PrepareStages;
  /** Frames, and audio, that take up to this many bytes each are decoded once, not twice. Default 128 MiB. */
  keepBytes?: number;
  /** How detections become tracks. */
  collect?: CollectTracksOptions;
  /** SHA-256 of the file, kept with its clips; see `hashFile`. */
  sourceSha256?: string;
  /** What the layout of the data set calls the person in it. */
  person?: string;
  /** Called now and then with what is being done. */
  onProgress?: (progress: PrepareProgress) => void;
};

export type PrepareProgress = {
  source: string;
  /** `faces`: first pass; `clips`: second. */
  phase: 'faces' | 'clips';
  /** Frames done in this phase. */
  frameCount: number;
  /** Frames of the video by its container's length; NaN where that is not said. */
  ofFrames: number;
};

/** What became of a video; `alreadyDone` where an earlier run had finished it. */
export type PrepareResult = SourceRecord & { alreadyDone: boolean };

/** A face being cut, and the segment that is being filled. */
type OpenTrack = {
  track: FaceTrack;
  plan: CropPlan;
  /** The crop of the network that measures offsets, where it cannot be taken out of the stored one. */
  offsetPlan?: CropPlan;
  segments: Segment[];
  current: number;
  filled: number;
  frames?: Uint8Array;
  offsetFrames?: Uint8Array;
  identity?: Float32Array;
};

/** A segment that became a clip. */
type FinishedSegment = {
  track: number;
  number: number;
  firstFrame: number;
  count: number;
  id: string;
  confidence?: number;
};

const SAMPLE_RATE = 16000;

/**
 * Prepares one video: every face track, cut into segments of at most `segmentSec`, becomes clips of the store, with the audio that belongs to
 * it. A video that an earlier run finished is left alone.
 *
 * In this order: frames at the store's rate and 16 kHz mono; cuts; landmarks and tracks; the faces that are wanted; one crop radius a face;
 * crops; segments; for each its offset, the audio moved by it and the offset measured again; quality; one frame's look at who it is. The frames
 * are not touched by the correction, so that landmarks need not be found again.
 *
 * Memory does not grow with the video's length but for the landmarks (0.5 kB a face and frame). All that is left out is in the store's
 * drops with its reason.
 *
 * @throws whatever is not the video's fault: a full disk, a failing detector, a decoder stopped from outside. The video is then
 * not marked as done, and the next run prepares it again.
 * @example
 * const { clips, dropped } = await prepareVideo({ path, source: 'a/talk.mp4', reader, detector }, store);
 */
export async function prepareVideo(options: PrepareOptions, store: ClipStore): Promise<PrepareResult> {
  const source = sourceName(options.source);
  const preparation = assertPreparation('prepareVideo', options.preparation ?? GENERAL);
  const { recipe } = options.stages?.offset ?? {};
  if (recipe && recipe.fps !== store.recipe.fps)
    fail(TypeError, 'prepareVideo', 'stages.offset.recipe.fps', `${store.recipe.fps}, as in the store`, recipe.fps);
  const { stepsPerSecond } = AUDIO_FEATURES.ASR_LOGITS;
  if (options.logits && store.recipe.fps !== stepsPerSecond) {
    fail(TypeError, 'prepareVideo', 'store.recipe.fps', `${stepsPerSecond}, the rate of logits`, store.recipe.fps);
  }
  if (preparation.gates.minSharpness > 0 && !options.stages?.sharpness) {
    fail(TypeError, 'prepareVideo', 'stages.sharpness', 'given where gates.minSharpness is', undefined);
  }
  const before = await store.source(source);
  if (before) return { ...before, alreadyDone: true };

  const clips: string[] = [];
  const dropped: Drop[] = [];
  const drop = async (entry: Drop) => {
    await store.drop(entry);
    dropped.push(entry);
  };
  try {
    await cutClips({ ...options, source, preparation }, store, clips, drop);
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    for (const id of clips.splice(0)) await store.remove(id); // of a file that breaks off in the middle
    await drop({ source, reason: error.reason, detail: error.detail });
  }
  const record = { source, clips, dropped };
  await store.finishSource(record);
  return { ...record, alreadyDone: false };
}

async function cutClips(
  options: PrepareOptions & { preparation: Preparation },
  store: ClipStore,
  clips: string[],
  drop: (entry: Drop) => Promise<void>,
): Promise<void> {
  const { source, path, reader, detector, keepBytes, collect, preparation, stages = {}, onProgress } = options;
  const { fps } = store.recipe;
  const given = await Promise.resolve(options.tracks).catch((error: Error) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    throw new UnusableVideo('bad landmarks', error.message.replaceAll(path, name).slice(0, 500), { cause: error });
  });
  let ofFrames = Number.NaN;
  const tell = (phase: PrepareProgress['phase'], frameCount: number) =>
    onProgress?.({ source, phase, frameCount, ofFrames });
  const video = await openTrackedVideo({
    path,
    reader,
    detector,
    tracks: given,
    fps,
    silencePeak: preparation.silencePeak,
    keepBytes,
    collect,
    shots: preparation.shots === 'none' ? undefined : stages.shots?.(),
    onInfo: (info) => (ofFrames = Math.round(info.durationSec * fps)),
    onFrame: (frameCount) => tell('faces', frameCount),
  });
  const audio = new AudioCursor(video.audio());
  try {
    const logits = options.logits && (await readLogits(options.logits, video, path));
    const open = await planTracks(video, options, store.recipe, drop);
    const finished: FinishedSegment[] = [];
    const close = async (track: OpenTrack) => {
      const number = track.current++;
      const segment = takeSegment(track, number);
      const result = await finishSegment(segment, { ...options, source, audio, video, store, logits });
      if ('reason' in result) {
        await drop({ source, track: track.track.id, segment: number, ...result });
        return;
      }
      clips.push(result.id);
      // Without its frames: a long video has many.
      finished.push({ track: track.track.id, number, firstFrame: segment.firstFrame, count: segment.count, ...result });
    };
    for await (const { planned: track, frameIndex: frame, frame: picture, indexInTrack, crop } of trackCrops(
      video.frames(),
      open,
    )) {
      const segment = track.segments[track.current];
      if (segment && frame >= segment.firstFrame) {
        await addFrame(track, segment, crop, picture, indexInTrack, stages);
        if (track.filled === segment.frameCount) await close(track);
      }
      if (frame % 25 === 24) {
        tell('clips', frame + 1);
        const filling = open.filter((one) => one.frames).map((one) => one.segments[one.current].firstFrame);
        // A second more than the largest correction, for the context of features.
        const oldest = Math.min(frame, ...filling) - preparation.maxOffset - fps;
        audio.forget(Math.floor((oldest * SAMPLE_RATE) / fps));
      }
    }
    // Landmarks that were given may go on beyond the frames.
    for (const track of open) if (track.filled > 0) await close(track);
    if (preparation.faces === 'talking') await keepTalking(finished, clips, store, source, drop);
  } finally {
    await audio.close();
    video.release();
  }
}

/** The logits of a video's audio; whatever is wrong with them is that video's fault. */
async function readLogits(
  read: NonNullable<PrepareOptions['logits']>,
  { audioLevel: audio, fps }: TrackedVideo,
  path: string,
): Promise<Features> {
  try {
    const logits = await read(audio.samples / audio.sampleRate);
    assertLogits('prepareVideo', logits, { fps });
    return logits;
  } catch (error) {
    const { message } = error as Error;
    const name = path.slice(path.lastIndexOf('/') + 1);
    throw new UnusableVideo('bad features', message.replaceAll(path, name).slice(0, 500), { cause: error });
  }
}

/** The faces that are wanted, with their segments and crops. */
async function planTracks(
  video: TrackedVideo,
  { source, preparation, stages }: PrepareOptions & { preparation: Preparation },
  recipe: StoreRecipe,
  drop: (entry: Drop) => Promise<void>,
): Promise<OpenTrack[]> {
  const wanted = preparation.faces === 'largest' ? largestFaces(video.tracks) : video.tracks;
  for (const { id } of video.tracks.filter((track) => !wanted.includes(track))) {
    await drop({ source, track: id, reason: 'not talking', detail: 'a larger face is seen at the same time' });
  }
  const open: OpenTrack[] = [];
  for (const track of wanted) {
    const segments = usableSegments(track, preparation, recipe, stages?.offset);
    if (segments.length === 0) {
      const detail = `${track.frameCount} frames, fewer than ${preparation.minFrames} from a place where frame and mel step meet`;
      await drop({ source, track: track.id, reason: 'too short', detail });
      continue;
    }
    const plan = planOrReason(track, recipe.crop, video);
    const offsetCrop =
      stages?.offset && !canView(recipe.crop, stages.offset.recipe.crop)
        ? storedCropFor(stages.offset.recipe.crop)
        : undefined;
    const offsetPlan = offsetCrop && planOrReason(track, offsetCrop, video);
    const failed = [plan, offsetPlan].find((one) => typeof one === 'string');
    if (typeof plan === 'string' || typeof offsetPlan === 'string') {
      await drop({ source, track: track.id, reason: 'crop impossible', detail: failed as string });
    } else {
      open.push({ track, plan, offsetPlan, segments, current: 0, filled: 0 });
    }
  }
  return open;
}

/** Segments long enough for a clip, beginning where a step of all features that are wanted does. */
function usableSegments(
  track: FaceTrack,
  preparation: Preparation,
  recipe: StoreRecipe,
  offset?: OffsetStage,
): Segment[] {
  const { segmentSec, minSegmentSec, minFrames } = preparation;
  const { fps, stepsPerSecond } = recipe;
  const rates = offset ? [stepsPerSecond, 80] : [stepsPerSecond];
  const slowest = rates.reduce((a, b) => (featureAlignedFrames(fps, a) >= featureAlignedFrames(fps, b) ? a : b));
  const segments = trackSegments(track.firstFrame, track.frameCount, {
    fps,
    stepsPerSecond: slowest,
    segmentSec,
    minSegmentSec,
  });
  return segments.filter((segment) => segment.frameCount >= minFrames);
}

/** Where the crops lie, or why there can be none. */
function planOrReason(track: FaceTrack, crop: StoreRecipe['crop'], video: TrackedVideo): CropPlan | string {
  try {
    return planCrops(track, crop, video.frameSize);
  } catch (error) {
    // TypeError and RangeError are mistakes of ours; a plain Error says that this face has no such crop.
    if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) throw error;
    return error.message;
  }
}

async function addFrame(
  open: OpenTrack,
  segment: Segment,
  crop: Uint8Array,
  frame: VideoFrame,
  indexInTrack: number,
  stages: PrepareStages,
): Promise<void> {
  open.frames ??= new Uint8Array(segment.frameCount * crop.length);
  open.frames.set(crop, crop.length * open.filled);
  if (open.offsetPlan) {
    const bytes = open.offsetPlan.height * open.offsetPlan.width * 3;
    open.offsetFrames ??= new Uint8Array(segment.frameCount * bytes);
    open.offsetPlan.cut(
      frame,
      indexInTrack,
      open.offsetFrames.subarray(bytes * open.filled, bytes * (open.filled + 1)),
    );
  }
  if (stages.embed && open.filled === segment.frameCount >> 1) {
    open.identity = await stages.embed(frame, open.track.points.slice(136 * indexInTrack, 136 * (indexInTrack + 1)));
  }
  open.filled++;
}

/** What was filled, and an empty track again. */
function takeSegment(open: OpenTrack, number: number): FilledSegment {
  const { track, plan, offsetPlan, segments, filled, identity } = open;
  const cut = (frames: Uint8Array | undefined, { height, width }: CropPlan) =>
    frames!.subarray(0, filled * height * width * 3);
  const segment: FilledSegment = {
    track,
    plan,
    number,
    firstFrame: segments[number].firstFrame,
    count: filled,
    frames: cut(open.frames, plan),
    ...(offsetPlan ? { offsetFrames: cut(open.offsetFrames, offsetPlan) } : {}),
    ...(identity ? { identity } : {}),
  };
  open.frames = open.offsetFrames = open.identity = undefined;
  open.filled = 0;
  return segment;
}

/** Of clips seen at the same time, keeps the one whose lips go best with the audio. */
async function keepTalking(
  finished: FinishedSegment[],
  clips: string[],
  store: ClipStore,
  source: string,
  drop: (entry: Drop) => Promise<void>,
): Promise<void> {
  for (const segment of finished) {
    const { confidence } = segment;
    if (confidence === undefined) continue; // no network looked at it
    const better = finished.find(
      (other) => other.track !== segment.track && overlapping(other, segment) && (other.confidence ?? 0) > confidence,
    );
    if (!better) continue;
    clips.splice(clips.indexOf(segment.id), 1);
    await store.remove(segment.id);
    const detail = `confidence ${confidence.toFixed(3)}, face ${better.track} at the same time ${better.confidence!.toFixed(3)}`;
    await drop({ source, track: segment.track, segment: segment.number, reason: 'not talking', detail });
  }
}
