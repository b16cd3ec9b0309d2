import type { FaceTrack, SimilarityCrop, StoredCrop, SyncRecipe, Waveform } from '@lipsync/contracts';
import { assertSyncRecipe, fail, frameShape } from '@lipsync/contracts';
import { planCrops } from '@lipsync/face-crop';
import { AudioWindows } from '../features/feature-windows';
import type { TrackedVideo } from '../tracked-video/tracked-video';
import { cropRegion, planWithin } from './crop-region';
import { makeView, sampleView, toRecipeValues } from './mouth-window';
import { trackCrops } from './track-crops';
import { viewFraction } from './view-fraction';

/** The network's input at one frame of one face. */
export type SyncWindow = {
  track: FaceTrack;
  /** Index in the video of the window's first frame. */
  startFrame: number;
  /** `[height, width, frames * 3]`, float32, in the recipe's range; a new array. */
  frames: Float32Array;
  /** `[bins, featureSteps]`, float32; a new array. */
  features: Float32Array;
};

export type StreamOptions = {
  recipe: SyncRecipe;
  /** The faces to follow. Default: all of the video. */
  tracks?: readonly FaceTrack[];
  /** The crop that is cut from the frame and resampled to the network's. Default `storedCropFor(recipe.crop)`. */
  stored?: StoredCrop;
  /**
   * Where the audio's features begin: with the file, or with each face's first frame, as where tracks are cut out with their audio before
   * they are scored. The two differ in a track's first steps only. Default `file`.
   */
  audioFrom?: 'file' | 'track';
};

const STORED_SIDE = 1.9;

/**
 * The crop that clips are stored in for a network: for a similarity crop twice its pixels and a side of 1.9, which leaves room to
 * turn and shift it in training; for other crops, or one that is wider, the network's own with all its rows.
 *
 * Scoring goes through the same two samplings as training, so that both show a network the same.
 */
export function storedCropFor(crop: SyncRecipe['crop']): StoredCrop {
  if ('rows' in crop) return { ...crop, rows: 'all' };
  if (crop.kind !== 'similarity' || crop.side >= STORED_SIDE) return crop;
  const stored: SimilarityCrop = { ...crop, side: STORED_SIDE, size: 2 * crop.size };
  return stored;
}

/** The frames' part of a window. */
export type FrameWindow = Omit<SyncWindow, 'features'>;

/**
 * The frames of all windows of a video's faces, whether there is audio or not; otherwise as `streamSyncWindows`.
 *
 * Of frames that have to be decoded again no more is asked for than the region in which all crops lie.
 *
 * @example
 * for await (const { track, startFrame, frames } of streamFrameWindows(video, { recipe: expert.recipe })) { … }
 */
export async function* streamFrameWindows(
  video: TrackedVideo,
  options: Omit<StreamOptions, 'soundFrom'>,
): AsyncGenerator<FrameWindow> {
  const { tracks = video.tracks, stored = storedCropFor(options.recipe.crop) } = options;
  const recipe = assertSyncRecipe('streamSyncWindows', options.recipe);
  if (video.fps !== recipe.fps)
    fail(TypeError, 'streamSyncWindows', 'video.fps', `${recipe.fps}, as in the recipe`, video.fps);
  viewFraction(stored, recipe.crop); // refuses crops that do not fit
  const view = makeView(stored, recipe.crop);
  const { frameCount: length } = recipe;
  const { height, width } = frameShape(recipe.crop);
  const frameLength = height * width * 3;
  const planned = tracks.map((track) => ({
    track,
    plan: planCrops(track, stored, video.frameSize),
    ring: Array.from({ length }, () => new Float32Array(frameLength)),
  }));
  const region = cropRegion(
    planned.map(({ plan }) => plan),
    stored,
    video.frameSize,
  );
  const parts = region && video.part?.(region);
  const shown = parts ? planned.map((face) => ({ ...face, plan: planWithin(face.plan, region) })) : planned;
  for await (const { planned: face, frameIndex: frame, indexInTrack, crop } of trackCrops(
    parts ?? video.frames(),
    shown,
  )) {
    const latest = face.ring[indexInTrack % length];
    sampleView(crop, view, 0, 1, latest);
    toRecipeValues(latest, recipe);
    const first = indexInTrack - length + 1;
    if (first < 0) continue;
    const frames = new Float32Array(frameLength * length);
    for (let t = 0; t < length; t++) interleave(face.ring[(first + t) % length], t, length, frames);
    yield { track: face.track, startFrame: frame - length + 1, frames };
  }
}

/**
 * All windows of a video's faces, one a frame, in the order of the frames; those of different faces come mixed. Ends
 * for a face where its frames or the audio end.
 *
 * One pass over frames and audio, in constant memory: a window of frames a face, and the mel between.
 *
 * @throws UnusableVideo where the file cannot be decoded further.
 * @example
 * for await (const window of streamSyncWindows(video, { recipe: expert.recipe })) await scorers.get(window.track.id).update(window);
 */
export async function* streamSyncWindows(video: TrackedVideo, options: StreamOptions): AsyncGenerator<SyncWindow> {
  const { recipe, tracks = video.tracks, audioFrom = 'file' } = options;
  const audios = new Map<FaceTrack, AudioWindows>();
  const ended = new Set<FaceTrack>();
  try {
    for await (const window of streamFrameWindows(video, options)) {
      const { track, startFrame } = window;
      if (ended.has(track)) continue;
      if (audios.size === 0) {
        const shared = audioFrom === 'file' ? new AudioWindows(video.audio(), recipe) : undefined;
        for (const each of tracks) audios.set(each, shared ?? new AudioWindows(audioOfTrack(video, each), recipe));
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

/** The audio of a video from a face's first frame on. */
export function audioOfTrack(video: TrackedVideo, { firstFrame }: FaceTrack): AsyncIterable<Waveform> {
  return skipSamples(video.audio(), samplesBefore(firstFrame, video.fps));
}

const SAMPLE_RATE = 16000;
const samplesBefore = (frame: number, fps: number) => Math.round((frame * SAMPLE_RATE) / fps);

/** The audio from a sample on. */
async function* skipSamples(pieces: AsyncIterable<Waveform>, count: number): AsyncGenerator<Waveform> {
  let left = count;
  for await (const piece of pieces) {
    const skipped = Math.min(left, piece.samples.length);
    left -= skipped;
    if (skipped < piece.samples.length) yield { ...piece, samples: piece.samples.subarray(skipped) };
  }
}

/** Writes a frame into channel group `slot`. */
function interleave(frame: Float32Array, slot: number, slots: number, out: Float32Array): void {
  for (let from = 0, to = slot * 3; from < frame.length; from += 3, to += slots * 3) {
    out[to] = frame[from];
    out[to + 1] = frame[from + 1];
    out[to + 2] = frame[from + 2];
  }
}
