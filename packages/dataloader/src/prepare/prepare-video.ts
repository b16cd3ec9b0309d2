import type { FaceTrack, Features, LandmarkDetector, MediaReader } from '@lipsync/contracts';
import { AUDIO_FEATURES, AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import type { CollectTracksOptions } from '@lipsync/face-crop';
import { AudioCursor, type TrackedVideo, trackCrops, trackVideo, UnusableVideo } from '@lipsync/sync-windows';
import { assertLogits } from '../store/clip';
import { sourceName } from '../store/clip-id';
import type { ClipStore } from '../store/clip-store';
import type { Drop, SourceRecord } from '../store/store-records';
import { finishSegment } from './finish-segment';
import { type FinishedSegment, keepTalking } from './keep-talking';
import { addFrame, type OpenTrack, planTracks, takeSegment } from './open-track';
import type { Preparation } from './preparation';
import { assertPreparation, GENERAL } from './preparation';
import type { PrepareStages } from './prepare-stages';

/** Options of `prepareVideo`. */
export type PrepareOptions = {
  /** Where the video is. */
  path: string;
  /** Its path relative to the input folder, with `/`: the clips' ids are made of it. */
  source: string;
  /** Borrowed. */
  reader: MediaReader;
  /** Borrowed. Not needed where `tracks` are given. */
  detector?: LandmarkDetector;
  /** Known faces, such as from `parseLandmarkFile`; a promise that rejects drops the video with `bad landmarks`. */
  tracks?: readonly FaceTrack[] | Promise<readonly FaceTrack[] | undefined>;
  /**
   * The logits of the video's audio, `ASR_LOGITS`, which the clips then keep: called once with the audio's length; an
   * error drops the video with `bad features`. See `parseNpyLogits`.
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
  /** Label of the person, kept with the clips. */
  person?: string;
  /** Called about once per second of video. */
  onProgress?: (progress: PrepareProgress) => void;
};

/** How far the preparation of a video is. */
export type PrepareProgress = {
  source: string;
  /** `faces`: first pass; `clips`: second. */
  phase: 'faces' | 'clips';
  /** Frames done in this phase. */
  frameCount: number;
  /** Frames of the video by its container's duration; NaN where the container has none. */
  ofFrames: number;
};

/** Clips and drops of a video; `alreadyDone` where an earlier run had finished it. */
export type PrepareResult = SourceRecord & { alreadyDone: boolean };

/**
 * Prepares one video: every face track, cut into segments of at most `segmentSec`, becomes clips of the store, with the
 * audio that belongs to it. A video that an earlier run finished is left alone.
 *
 * In this order: frames at the store's rate and 16 kHz mono; cuts; landmarks and tracks; the wanted faces; one crop
 * radius per face; crops; segments; for each its offset, the audio moved by it and the offset measured again; quality;
 * the face embedding of one frame. Moving the audio does not touch the frames, so landmarks need not be found again.
 *
 * Memory does not grow with the video's length but for the landmarks (0.5 kB per face and frame). Everything left out
 * is in the store's drops with its reason.
 *
 * @throws whatever is not the video's fault: a full disk, a failing detector, a decoder stopped from outside. The video
 *   is then not marked as done, and the next run prepares it again.
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
    await cutClips({ ...options, source, preparation }, store, { clips, drop });
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    for (const id of clips.splice(0)) await store.remove(id); // of a file that breaks off in the middle
    await drop({ source, reason: error.reason, detail: error.detail });
  }
  const notes = await notesOf(options.reader, options.path);
  const record = { source, clips, dropped, ...(notes.length > 0 ? { notes } : {}) };
  await store.finishSource(record);
  return { ...record, alreadyDone: false };
}

/** What the reader knows by now of a file that is unusual. */
async function notesOf(reader: MediaReader, path: string): Promise<string[]> {
  const info = await reader.probe(path).catch(() => undefined);
  const damage = await reader.concealed?.(path).catch(() => undefined);
  return [...(info?.notes ?? []), ...(damage ? [damage.note] : [])];
}

type Output = { clips: string[]; drop: (entry: Drop) => Promise<void> };
type CutOptions = PrepareOptions & { preparation: Preparation };

/** Follows the faces of a video, cuts their segments and writes the clips. */
async function cutClips(options: CutOptions, store: ClipStore, { clips, drop }: Output): Promise<void> {
  const { source, path, preparation, stages, onProgress } = options;
  const { fps } = store.recipe;
  const progress = { source, ofFrames: Number.NaN };
  const tell = (phase: PrepareProgress['phase'], frameCount: number) =>
    onProgress?.({ ...progress, phase, frameCount });
  const video = await openVideo(options, { fps, progress, onFrame: (frameCount) => tell('faces', frameCount) });
  const audio = new AudioCursor(video.audio());
  try {
    const logits = options.logits && (await readLogits(options.logits, video, path));
    const open = await planTracks(video, { source, preparation, recipe: store.recipe, stages, drop });
    const finished: FinishedSegment[] = [];
    const close = async (track: OpenTrack) => {
      const segment = takeSegment(track);
      const { number, firstFrame, frameCount } = segment;
      const result = await finishSegment(segment, { ...options, source, audio, video, store, logits });
      const { id } = track.track;
      if ('reason' in result) return drop({ source, track: id, segment: number, ...result });
      clips.push(result.id);
      // Without its frames: a long video has many.
      finished.push({ track: id, number, firstFrame, frameCount, ...result });
    };
    for await (const { planned: track, frameIndex, frame, indexInTrack, crop } of trackCrops(video.frames(), open)) {
      const segment = track.segments[track.current];
      if (segment && frameIndex >= segment.firstFrame) {
        await addFrame(track, { segment, crop, frame, indexInTrack }, stages?.embed);
        if (track.filled === segment.frameCount) await close(track);
      }
      if (frameIndex % 25 === 24) {
        tell('clips', frameIndex + 1);
        forgetAudio(audio, { frameIndex, open, fps, maxOffset: preparation.maxOffset });
      }
    }
    // Given landmarks may go on beyond the frames.
    for (const track of open) if (track.filled > 0) await close(track);
    if (preparation.faces === 'talking') await keepTalking(finished, store, { source, clips, drop });
  } finally {
    await audio.close();
    video.release();
  }
}

async function openVideo(
  options: CutOptions,
  { fps, progress, onFrame }: { fps: number; progress: { ofFrames: number }; onFrame: (frameCount: number) => void },
): Promise<TrackedVideo> {
  const { path, reader, detector, keepBytes, collect, preparation, stages } = options;
  const tracks = await Promise.resolve(options.tracks).catch((error: Error) => {
    throw new UnusableVideo('bad landmarks', withoutFolder(error, path), { cause: error });
  });
  const events = trackVideo({
    path,
    reader,
    detector,
    tracks,
    fps,
    silencePeak: preparation.silencePeak,
    keepBytes,
    collect,
    shots: preparation.shots === 'none' ? undefined : stages?.shots?.(),
  });
  for await (const event of events) {
    if (event.kind === 'open') progress.ofFrames = Math.round(event.info.durationSec * fps);
    else if (event.kind === 'tracked') return event.video;
    else if (event.frameIndex % 25 === 24) onFrame(event.frameIndex + 1);
  }
  return fail(Error, 'prepareVideo', 'the video', 'tracked', 'none');
}

/** Forgets the audio that no segment needs any more. */
function forgetAudio(
  audio: AudioCursor,
  { frameIndex, open, fps, maxOffset }: { frameIndex: number; open: OpenTrack[]; fps: number; maxOffset: number },
): void {
  const filling = open.filter((one) => one.frames).map((one) => one.segments[one.current].firstFrame);
  // A second more than the largest correction, for the context of features.
  const oldest = Math.min(frameIndex, ...filling) - maxOffset - fps;
  audio.forget(Math.floor((oldest * AUDIO_SAMPLE_RATE) / fps));
}

/** The logits of a video's audio; an error drops the video. */
async function readLogits(
  read: NonNullable<PrepareOptions['logits']>,
  { audioLevel, fps }: TrackedVideo,
  path: string,
): Promise<Features> {
  try {
    const logits = await read(audioLevel.samples / audioLevel.sampleRate);
    assertLogits('prepareVideo', logits, { fps });
    return logits;
  } catch (error) {
    throw new UnusableVideo('bad features', withoutFolder(error as Error, path), { cause: error });
  }
}

/** An error's message without the machine's folder: it goes into the store. */
const withoutFolder = ({ message }: Error, path: string) =>
  message.replaceAll(path, path.slice(path.lastIndexOf('/') + 1)).slice(0, 500);
