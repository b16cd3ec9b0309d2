import type {
  FaceTrack,
  FrameRegion,
  LandmarkDetector,
  MediaInfo,
  MediaReader,
  MediaStreams,
  VideoFrame,
  Waveform,
} from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import type { CollectTracksOptions } from '@lipsync/face-crop';
import { collectTracks, landmarkBox } from '@lipsync/face-crop';
import type { AudioLevel } from './audio-level';
import { measureAudio } from './audio-level';
import { splitTracks } from './split-tracks';
import { readable, readerError, UnusableVideo } from './unusable-video';

export type TrackedVideoOptions = {
  path: string;
  reader: MediaReader;
  /** Finds the faces; borrowed. Not needed where `tracks` are given. */
  detector?: LandmarkDetector;
  /** Faces that are known already, such as from `parseLandmarkFile`. */
  tracks?: readonly FaceTrack[];
  /** Frames a second. Default 25. */
  fps?: number;
  /** Audio whose largest sample is below this, full scale 1, counts as silent. Default 0.001 (-60 dB). */
  silencePeak?: number;
  /** Decoded frames, and decoded audio, up to this many bytes each are kept from the first pass to the next. Default 128 MiB. */
  keepBytes?: number;
  /**
   * Faces are followed in frames scaled down to this longer side where they are half as large again or larger, where the reader can scale and
   * every face is large enough for its landmarks not to notice (64 pixels then). Default: in the frames as they are.
   */
  detectionSide?: number;
  /** How detections become tracks. */
  collect?: CollectTracksOptions;
  /** Finds where shots begin: no track goes on over a cut. Default none. */
  shots?: ShotFinder;
  /** Called with what the file says of itself. */
  onInfo?: (info: MediaInfo) => void;
  /** Called with the number of frames looked at, every 25. */
  onFrame?: (frameCount: number) => void;
  /** Called once with a way to read the audio, before faces are looked for. */
  onAudio?: (audio: () => AsyncIterable<Waveform>) => void;
};

/** Tells where shots begin, from frames in order; see `ShotDetector` of @lipsync/face-crop. */
export type ShotFinder = {
  /** Indices of the first frames of shots that are certain now. */
  push(frame: VideoFrame): number[];
  /** Those that were still to come. */
  finish(): number[];
};

/** A video whose faces are known. */
export type TrackedVideo = {
  readonly path: string;
  readonly info: MediaInfo;
  readonly fps: number;
  /** In the order of their first frame; ids differ. */
  readonly tracks: FaceTrack[];
  /** First frames of all shots but the first. */
  readonly cuts: number[];
  readonly audioLevel: AudioLevel;
  /** Upright size of the frames. */
  readonly frameSize: { width: number; height: number };
  /** The frames from the first on, from memory where they were kept. */
  frames(): AsyncIterable<VideoFrame>;
  /** A region of the frames; undefined where they are kept whole, or the reader cannot. */
  part?(region: FrameRegion): AsyncIterable<VideoFrame> | undefined;
  /** The audio from the first frame on, 16 kHz mono, from memory where it was kept. */
  audio(): AsyncIterable<Waveform>;
  /** Lets go of what was kept; `frames` and `audio` then decode again. */
  release(): void;
};

const SAMPLE_RATE = 16000;
const SHORTEST_AUDIO = 401; // samples; a shorter one cannot be mirrored for its first mel step

/**
 * Opens a video and follows its faces: the first of two passes, in constant memory but for the landmarks (0.5 kB a face and
 * frame) and, of short videos, the frames themselves.
 *
 * @throws UnusableVideo with the reason `broken`, `no frame`, `no audio`, `silent`, `audio too short` or `no face`; other
 * errors come from the detector or the system.
 * @example
 * const video = await openTrackedVideo({ path: 'talk.mp4', reader: await openMedia(), detector });
 * for (const track of video.tracks) console.log(track.id, track.firstFrame, track.frames);
 */
export async function openTrackedVideo(options: TrackedVideoOptions): Promise<TrackedVideo> {
  const { path, reader, detector, fps = 25, keepBytes = 128 * 2 ** 20 } = options;
  if (!detector && !options.tracks)
    fail(TypeError, 'openTrackedVideo', 'detector', 'given where tracks are not', detector);
  const video = await openVideo(path, reader, fps, keepBytes).catch((error: unknown) => {
    throw readerError(error, path);
  });
  try {
    return await followFaces(video, options, reader);
  } catch (error) {
    await video.release();
    throw error;
  }
}

/** Both streams of a file: in one run of the decoder where its frames can wait while the audio is measured. */
async function openVideo(path: string, reader: MediaReader, fps: number, keepBytes: number): Promise<MediaStreams> {
  const film = await reader.both?.(path, { fps, sampleRate: SAMPLE_RATE, keepBytes });
  const info = film?.info ?? (await reader.probe(path));
  const { video, durationSec } = info;
  if (film && video && durationSec * fps * video.width * video.height * 3 <= keepBytes) return film;
  await film?.release();
  // What `audio` gives may be read but once.
  const audio = {
    [Symbol.asyncIterator]: () => reader.audio(path, { sampleRate: SAMPLE_RATE })[Symbol.asyncIterator](),
  };
  return { info, frames: reader.frames(path, { fps }), audio, release: async () => undefined };
}

async function followFaces(
  video: MediaStreams,
  options: TrackedVideoOptions,
  reader: MediaReader,
): Promise<TrackedVideo> {
  const { path, detector, fps = 25, silencePeak = 0.001, keepBytes = 128 * 2 ** 20, collect, onFrame, shots } = options;
  const { info } = video;
  options.onInfo?.(info);
  if (!info.video) throw new UnusableVideo('no video', 'the file has no frame');
  if (!info.audio) throw new UnusableVideo('no audio', 'the file has no audio');

  const decodeAudio = () => readable(video.audio, path);
  let keptAudio: Waveform[] | undefined;
  const audioLevel = await measureAudio(
    keeping(
      decodeAudio(),
      keepBytes,
      (piece) => piece.samples.byteLength,
      (pieces) => (keptAudio = pieces),
    ),
  );
  if (audioLevel.samples < SHORTEST_AUDIO)
    throw new UnusableVideo('audio too short', `${audioLevel.samples} samples of audio`);
  if (audioLevel.peak < silencePeak) {
    throw new UnusableVideo('silent', `largest sample ${audioLevel.peak.toPrecision(3)}, below ${silencePeak}`);
  }

  const audio = () => (keptAudio ? replay(keptAudio) : decodeAudio());
  options.onAudio?.(audio);

  const frameSize = { width: info.video.width, height: info.video.height };
  const decode = () => readable(video.frames, path);
  let kept: VideoFrame[] | undefined;
  let tracks = options.tracks ? [...options.tracks] : [];
  const cuts: number[] = [];
  if (!options.tracks || shots) {
    let seen = 0;
    const watch = async function* (frames: AsyncIterable<VideoFrame>, whole: boolean): AsyncGenerator<VideoFrame> {
      seen = 0;
      const pictures = whole
        ? keeping(
            frames,
            keepBytes,
            (frame) => frame.data.byteLength,
            (all) => (kept = all),
          )
        : frames;
      for await (const frame of pictures) {
        if (whole) [frameSize.width, frameSize.height] = [frame.width, frame.height];
        if (shots) cuts.push(...shots.push(frame));
        seen++;
        if (seen % 25 === 0) onFrame?.(seen);
        yield frame;
      }
      if (shots) cuts.push(...shots.finish());
    };
    if (options.tracks) for await (const _ of watch(decode(), true));
    else {
      const { detectionSide = Infinity } = options;
      const smaller =
        Math.max(frameSize.width, frameSize.height) >= 1.5 * detectionSide &&
        !shots &&
        reader.view?.(path, { fps, maxSide: detectionSide });
      const found =
        smaller && (await collectLarge(watch(readable(smaller, path), false), detector!, collect, frameSize));
      tracks = found || (await collectTracks(watch(decode(), true), detector!, collect));
    }
    if (seen === 0) throw new UnusableVideo('broken', 'no frame could be decoded');
    if (tracks.length === 0 && !options.tracks)
      throw new UnusableVideo('no face', `no face followed in ${seen} frames`);
  }
  if (tracks.length === 0) throw new UnusableVideo('no face', 'no face in the landmarks given');
  return {
    path,
    info,
    fps,
    // Between two looks landmarks are filled in: over a cut they would lie between two faces.
    tracks: splitTracks(tracks, cuts, options.tracks ? 0 : (collect?.every ?? 1) - 1),
    cuts,
    audioLevel,
    frameSize,
    frames: () => (kept ? replay(kept) : decode()),
    part: (region) => {
      const parts = kept ? undefined : reader.view?.(path, { fps, region });
      return parts && readable(parts, path);
    },
    audio,
    release: () => {
      kept = keptAudio = undefined;
      void video.release();
    },
  };
}

/**
 * Longer side of the landmarks' box, pixels of the scaled frame, below which whole frames are looked at. Measured on a face of 200 pixels: at 100 its
 * landmarks lie 0.2 pixels from those in the whole frame, at 65 0.4, at 50 0.7.
 */
const SMALLEST_FACE = 64;

class SmallFace extends Error {}

/** Tracks out of frames scaled down, in pixels of the whole ones; undefined where a face is too small for that, or there is none. */
async function collectLarge(
  frames: AsyncIterable<VideoFrame>,
  detector: LandmarkDetector,
  collect: CollectTracksOptions | undefined,
  picture: { width: number; height: number },
): Promise<FaceTrack[] | undefined> {
  const scale = { x: 1, y: 1 };
  const watching: LandmarkDetector = {
    scheme: detector.scheme,
    reset: () => detector.reset(),
    dispose: () => {},
    async detect(frame) {
      [scale.x, scale.y] = [picture.width / frame.width, picture.height / frame.height];
      const faces = await detector.detect(frame);
      if (faces.some(({ points }) => longerSide(points) < SMALLEST_FACE)) throw new SmallFace();
      return faces;
    },
  };
  try {
    const tracks = await collectTracks(frames, watching, collect);
    if (tracks.length === 0) return undefined;
    return tracks.map((track) => ({
      ...track,
      points: track.points.map((value, i) => value * (i % 2 === 0 ? scale.x : scale.y)),
    }));
  } catch (error) {
    if (error instanceof SmallFace) return undefined;
    throw error;
  }
}

function longerSide(points: Float32Array): number {
  const { left, top, right, bottom } = landmarkBox(points);
  return Math.max(right - left, bottom - top);
}

/** The same items; at their end hands over all of them, if they took no more than `limit` bytes. */
async function* keeping<A>(
  items: AsyncIterable<A>,
  limit: number,
  bytesOf: (item: A) => number,
  done: (kept: A[]) => void,
): AsyncGenerator<A> {
  let kept: A[] | undefined = [];
  let bytes = 0;
  for await (const item of items) {
    bytes += bytesOf(item);
    if (bytes > limit) kept = undefined;
    kept?.push(item);
    yield item;
  }
  if (kept) done(kept);
}

async function* replay<A>(items: A[]): AsyncGenerator<A> {
  yield* items;
}
