import { melWindowStart } from '@lipsync/audio-mel';
import { fail } from '@lipsync/contracts';
import type { FaceTrack, LandmarkDetector, MediaReader } from '@lipsync/contracts';
import { planCrops } from '@lipsync/face-crop';
import type { CollectTracksOptions, CropPlan } from '@lipsync/face-crop';
import type { Clip, StoreRecipe } from './clip';
import { clipId, sourceName } from './clip-id';
import type { ClipStore, Drop, SourceRecord } from './clip-store';
import { MelCursor } from './mel-cursor';
import { peakBetween } from './sound-level';
import { trackCrops } from './track-crops';
import type { PlannedTrack } from './track-crops';
import { trackSegments } from './track-segments';
import type { Segment } from './track-segments';
import { openTrackedVideo } from './tracked-video';
import type { TrackedVideo } from './tracked-video';
import { UnusableVideo } from './unusable-video';

export type PrepareOptions = {
  /** Where the video is. */
  path: string;
  /** Its path relative to the input folder: the clips' ids are made of it. */
  source: string;
  reader: MediaReader;
  /** Borrowed. Not needed where `tracks` are given. */
  detector?: LandmarkDetector;
  /** Faces that are known already, such as from `parseLandmarkFile`. */
  tracks?: readonly FaceTrack[];
  /** Shorter clips are dropped, pictures. Default 20, twice a window of ten. */
  minFrames?: number;
  /** Longest segment, seconds. Default 10. */
  segmentSec?: number;
  /** A rest shorter than this joins the segment before it, seconds. Default 3. */
  minSegmentSec?: number;
  /** Sound whose largest sample is below this, full scale 1, counts as silent. Default 0.001 (-60 dB). */
  silencePeak?: number;
  /** Pictures, and sound, that take up to this many bytes each are decoded once, not twice. Default 128 MiB. */
  keepBytes?: number;
  /** How detections become tracks. */
  collect?: CollectTracksOptions;
  /** SHA-256 of the file, kept with its clips; see `hashFile`. */
  sourceSha256?: string;
  /** Called now and then with what is being done. */
  onProgress?: (progress: PrepareProgress) => void;
};

export type PrepareProgress = {
  source: string;
  /** `faces`: first pass; `clips`: second. */
  phase: 'faces' | 'clips';
  /** Pictures done in this phase. */
  frames: number;
  /** Pictures of the video by its container's length; NaN where that is not said. */
  ofFrames: number;
};

/** What became of a video; `alreadyDone` where an earlier run had finished it. */
export type PrepareResult = SourceRecord & { alreadyDone: boolean };

/** A face being cut, and the segment that is being filled. */
type OpenTrack = PlannedTrack & { segments: Segment[]; current: number; frames?: Uint8Array; filled: number };

/**
 * Prepares one video: every face track, cut into segments of at most `segmentSec`, becomes clips of the store, with sound
 * cut from the continuous mel of the whole video. A video that an earlier run finished is left alone.
 *
 * Memory does not grow with the video's length but for the landmarks (0.5 kB a face and picture). All that is left out is in the store's
 * drops: `broken`, `no picture`, `no sound`, `silent`, `no face`, `too short`, `sound too short`, `crop impossible`.
 *
 * @throws whatever is not the video's fault: a full disk, a failing detector, a decoder stopped from outside. The video is then
 * not marked as done, and the next run prepares it again.
 * @example
 * const { clips, dropped } = await prepareVideo({ path, source: 'a/talk.mp4', reader, detector }, store);
 */
export async function prepareVideo(options: PrepareOptions, store: ClipStore): Promise<PrepareResult> {
  const source = sourceName(options.source);
  const { minFrames = 20 } = options;
  if (!(Number.isInteger(minFrames) && minFrames > 0)) {
    fail(RangeError, 'prepareVideo', 'minFrames', 'a whole number above 0', minFrames);
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
    await cutClips({ ...options, source, minFrames }, store, clips, drop);
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
  options: PrepareOptions & { minFrames: number },
  store: ClipStore,
  clips: string[],
  drop: (entry: Drop) => Promise<void>,
): Promise<void> {
  const { source, onProgress } = options;
  const { fps, mel: melName, crop } = store.recipe;
  const { path, reader, detector, tracks: given, silencePeak = 0.001, keepBytes, collect } = options;
  let ofFrames = Number.NaN;
  const video = await openTrackedVideo({
    path,
    reader: {
      ...bound(reader),
      probe: async (file) => {
        const info = await reader.probe(file);
        ofFrames = Math.round(info.durationSec * fps);
        return info;
      },
    },
    detector,
    tracks: given,
    fps,
    silencePeak,
    keepBytes,
    collect,
    onFrame: (frames) => onProgress?.({ source, phase: 'faces', frames, ofFrames }),
  });
  const tracks: OpenTrack[] = [];
  for (const track of video.tracks) {
    const segments = usableSegments(track, options, store.recipe);
    if (segments.length === 0) {
      const detail = `${track.frames} pictures, fewer than ${options.minFrames} from a place where picture and mel step meet`;
      await drop({ source, track: track.id, reason: 'too short', detail });
      continue;
    }
    const plan = planOrReason(track, crop, video);
    if (typeof plan === 'string') await drop({ source, track: track.id, reason: 'crop impossible', detail: plan });
    else tracks.push({ track, plan, segments, current: 0, filled: 0 });
  }

  const mel = new MelCursor(video.audio(), melName);
  const bytes = crop.size * crop.size * 3;
  const close = async (open: OpenTrack) => {
    const segment = { ...open.segments[open.current], frames: open.filled };
    const frames = open.frames!.subarray(0, open.filled * bytes);
    const number = open.current++;
    open.frames = undefined;
    open.filled = 0;
    const at = { source, track: open.track.id, segment: number };
    const clip = await clipOf(open, segment, frames, mel, options, store.recipe, video);
    if ('reason' in clip) {
      await drop({ ...at, ...clip });
      return;
    }
    const id = clipId(source, open.track.id, number);
    await store.write({ ...clip, id });
    clips.push(id);
  };
  try {
    for await (const { planned: open, frame, crop: pixels } of trackCrops(video.frames(), tracks)) {
      const segment = open.segments[open.current];
      if (!segment || frame < segment.firstFrame) continue;
      open.frames ??= new Uint8Array(segment.frames * bytes);
      open.frames.set(pixels, bytes * open.filled++);
      if (open.filled === segment.frames) await close(open);
      if (frame % 25 === 24) {
        onProgress?.({ source, phase: 'clips', frames: frame + 1, ofFrames });
        const filling = tracks.filter((one) => one.frames).map((one) => one.segments[one.current].firstFrame);
        mel.forget(melWindowStart(Math.min(frame, ...filling), timingOf(store.recipe)));
      }
    }
    // Landmarks that were given may go on beyond the pictures.
    for (const open of tracks) if (open.filled > 0) await close(open);
  } finally {
    await mel.close();
    video.release();
  }
}

/** Segments long enough for a clip. */
function usableSegments(track: FaceTrack, options: PrepareOptions & { minFrames: number }, recipe: StoreRecipe): Segment[] {
  const { segmentSec, minSegmentSec, minFrames } = options;
  const { fps, stepsPerSecond } = recipe;
  const segments = trackSegments(track.firstFrame, track.frames, { fps, stepsPerSecond, segmentSec, minSegmentSec });
  return segments.filter((segment) => segment.frames >= minFrames);
}

/** Where the crops lie, or why there can be none. */
function planOrReason(track: FaceTrack, crop: StoreRecipe['crop'], video: TrackedVideo): CropPlan | string {
  try {
    return planCrops(track, crop, video.picture);
  } catch (error) {
    // TypeError and RangeError are mistakes of ours; a plain Error says that this face has no such crop.
    if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) throw error;
    return error.message;
  }
}

async function clipOf(
  { track, plan }: OpenTrack,
  { firstFrame, frames: count }: Segment,
  frames: Uint8Array,
  cursor: MelCursor,
  { minFrames, silencePeak = 0.001, sourceSha256 }: PrepareOptions & { minFrames: number },
  recipe: StoreRecipe,
  video: TrackedVideo,
): Promise<Omit<Clip, 'id'> | Pick<Drop, 'reason' | 'detail'>> {
  const { fps, stepsPerSecond, crop } = recipe;
  if (count < minFrames) return { reason: 'too short', detail: `${count} pictures, fewer than ${minFrames}` };
  const peak = peakBetween(video.sound, firstFrame / fps, (firstFrame + count) / fps);
  // One step more than the pictures need, for a start that is a step late in training.
  const steps = Math.ceil((stepsPerSecond * count) / fps) + 1;
  const mel = await cursor.read(melWindowStart(firstFrame, timingOf(recipe)), steps);
  if (mel.steps < Math.ceil((stepsPerSecond * minFrames) / fps)) {
    return { reason: 'sound too short', detail: `${mel.steps} mel steps of ${steps} for ${count} pictures` };
  }
  if (peak < silencePeak) {
    return { reason: 'silent', detail: `largest sample ${peak.toPrecision(3)}, below ${silencePeak}` };
  }
  const from = firstFrame - track.firstFrame;
  return {
    frames,
    count,
    size: crop.size,
    mel,
    landmarks: track.points.slice(from * 136, (from + count) * 136),
    poses: plan.poses.slice(from * 4, (from + count) * 4),
    firstFrame,
    score: track.score,
    interpolated: track.interpolated,
    ...(sourceSha256 === undefined ? {} : { sourceSha256 }),
  };
}

const timingOf = ({ fps, stepsPerSecond }: StoreRecipe) => ({ fps, stepsPerSecond });

/** A reader's methods, so that one of them can be replaced whether they stand on the object or its class. */
function bound(reader: MediaReader): MediaReader {
  return {
    probe: (path) => reader.probe(path),
    frames: (path, options) => reader.frames(path, options),
    audio: (path, options) => reader.audio(path, options),
  };
}
