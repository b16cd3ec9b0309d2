import type { FaceTrack, StoredCrop, SyncRecipe, Waveform } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, assertSyncRecipe, fail } from '@lipsync/contracts';
import { planCrops } from '@lipsync/face-crop';
import { FeatureWindows } from '../features/feature-windows';
import type { TrackedVideo } from '../tracked-video/tracked-video';
import { cropRegion, planWithin } from './crop-region';
import { storedCropFor } from './stored-crop';
import { trackCrops } from './track-crops';
import { WindowSampler } from './window-sampler';

/** The network's input at one frame of one face. */
export type SyncWindow = {
  track: FaceTrack;
  /** Index in the video of the window's first frame. */
  startFrame: number;
  /** `[height, width, frameCount * 3]`, float32, in the recipe's range; a new array. */
  frames: Float32Array;
  /** `[bins, featureSteps]`, float32; a new array. */
  features: Float32Array;
};

/** Options of `streamFrameWindows` and `streamSyncWindows`. */
export type StreamOptions = {
  recipe: SyncRecipe;
  /** The faces to follow. Default: all of the video. */
  tracks?: readonly FaceTrack[];
  /** The crop that is cut from the frame and resampled to the network's. Default `storedCropFor(recipe.crop)`. */
  stored?: StoredCrop;
  /**
   * Where the audio's features begin: with the file, or with each face's first frame, as in pipelines that cut out
   * tracks with their audio before they score them. The two differ in a track's first steps only. Default `file`.
   */
  audioFrom?: 'file' | 'track';
};

/** The frames' part of a window. */
export type FrameWindow = Omit<SyncWindow, 'features'>;

/**
 * The frames of all windows of a video's faces, with or without audio; otherwise as `streamSyncWindows`.
 *
 * Of frames that have to be decoded again, only the region that holds all crops is read.
 *
 * @example
 * const { recipe } = expert;
 * for await (const { track, startFrame, frames } of streamFrameWindows(video, { recipe }))
 *   console.log(track.id, startFrame, frames.length);
 */
export async function* streamFrameWindows(
  video: TrackedVideo,
  options: Omit<StreamOptions, 'audioFrom'>,
): AsyncGenerator<FrameWindow> {
  const { tracks = video.tracks, stored = storedCropFor(options.recipe.crop) } = options;
  const recipe = assertSyncRecipe('streamSyncWindows', options.recipe);
  if (video.fps !== recipe.fps)
    fail(TypeError, 'streamSyncWindows', 'video.fps', `${recipe.fps}, as in the recipe`, video.fps);
  const planned = tracks.map((track) => ({
    track,
    plan: planCrops(track, stored, video.frameSize),
    sampler: new WindowSampler(stored, recipe),
  }));
  const region = cropRegion(
    planned.map(({ plan }) => plan),
    stored,
    video.frameSize,
  );
  const parts = region && video.part?.(region);
  const cropped = parts ? planned.map((face) => ({ ...face, plan: planWithin(face.plan, region) })) : planned;
  for await (const { planned: face, frameIndex, crop } of trackCrops(parts ?? video.frames(), cropped)) {
    const frames = face.sampler.push(crop);
    if (frames) yield { track: face.track, startFrame: frameIndex - recipe.frameCount + 1, frames };
  }
}

/**
 * All windows of a video's faces, one per frame, in the order of the frames, the faces interleaved. Ends for a face
 * where its frames or the audio end.
 *
 * One pass over frames and audio, in constant memory: a window of frames per face, and the features between.
 *
 * @throws UnusableVideo where the file cannot be decoded further.
 * @example
 * for await (const window of streamSyncWindows(video, { recipe: expert.recipe }))
 *   await scorers.get(window.track.id).update(window);
 */
export async function* streamSyncWindows(video: TrackedVideo, options: StreamOptions): AsyncGenerator<SyncWindow> {
  const { recipe, tracks = video.tracks, audioFrom = 'file' } = options;
  const audios = new Map<FaceTrack, FeatureWindows>();
  const ended = new Set<FaceTrack>();
  try {
    for await (const window of streamFrameWindows(video, options)) {
      const { track, startFrame } = window;
      if (ended.has(track)) continue;
      if (audios.size === 0) {
        const open = (audio: AsyncIterable<Waveform>) => new FeatureWindows(audio, recipe, { level: video.audioLevel });
        const shared = audioFrom === 'file' ? open(video.audio()) : undefined;
        for (const each of tracks) audios.set(each, shared ?? open(audioOfTrack(video, each)));
      }
      const audio = audios.get(track)!;
      const frame = audioFrom === 'file' ? startFrame : startFrame - track.firstFrame;
      if (frame < audio.first) continue;
      audio.forget(frame); // all faces are at the same frame
      const features = await audio.read(frame);
      if (features) yield { ...window, features };
      else ended.add(track);
    }
  } finally {
    for (const audio of new Set(audios.values())) await audio.close();
  }
}

/**
 * The audio of a video from a face's first frame on.
 *
 * @example
 * const audio = audioOfTrack(video, video.tracks[0]);
 * const windows = new FeatureWindows(audio, expert.recipe, { level: video.audioLevel });
 */
export function audioOfTrack(video: TrackedVideo, { firstFrame }: FaceTrack): AsyncIterable<Waveform> {
  return skipSamples(video.audio(), samplesBefore(firstFrame, video.fps));
}

const samplesBefore = (frame: number, fps: number) => Math.round((frame * AUDIO_SAMPLE_RATE) / fps);

/** The audio from a sample on. */
async function* skipSamples(pieces: AsyncIterable<Waveform>, count: number): AsyncGenerator<Waveform> {
  let left = count;
  for await (const piece of pieces) {
    const skipped = Math.min(left, piece.samples.length);
    left -= skipped;
    if (skipped < piece.samples.length) yield { ...piece, samples: piece.samples.subarray(skipped) };
  }
}
