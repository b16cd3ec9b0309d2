import {
  AUDIO_SAMPLE_RATE,
  type FaceTrack,
  type FrameRegion,
  fail,
  type LandmarkDetector,
  type MediaInfo,
  type MediaReader,
  type MediaStreams,
  type VideoFrame,
  type Waveform,
} from '@lipsync/contracts';
import { type CollectTracksOptions, landmarkBox, type TrackedFrame, trackFaces } from '@lipsync/face-crop';
import { type AudioLevel, measureAudio } from './audio-level';
import { KeptItems } from './kept-items';
import { splitTracks } from './split-tracks';
import { readable, readerError, UnusableVideo } from './unusable-video';

/** Options of `trackVideo` and `openTrackedVideo`. */
export type TrackVideoOptions = {
  path: string;
  reader: MediaReader;
  /** A file whose audio stands for the video's own, which may then be missing. Default: the video's. */
  audioPath?: string;
  /** Detects the faces; borrowed. Not needed where `tracks` are given. */
  detector?: LandmarkDetector;
  /** Faces that are known already, such as from `parseLandmarkFile`. */
  tracks?: readonly FaceTrack[];
  /** Frames per second. Default 25. */
  fps?: number;
  /** Audio whose largest sample is below this, full scale 1, counts as silent. Default 0.001 (-60 dB). */
  silencePeak?: number;
  /**
   * Decoded frames, and decoded audio, up to this many bytes each are kept from the first pass to the next. Default 128
   * MiB.
   */
  keepBytes?: number;
  /**
   * Faces are tracked in frames scaled down to this longer side where the frames are at least half as large again, the
   * reader can scale (`view`), and every face keeps at least 64 pixels, enough for its landmarks. Default: in the
   * frames as they are.
   */
  detectionSide?: number;
  /** How detections become tracks. */
  collect?: CollectTracksOptions;
  /** Finds where shots begin: no track continues over a cut. Default none. */
  shots?: ShotFinder;
};

/** Tells where shots begin, from frames in order; see `ShotDetector` of @lipsync/face-crop. */
export type ShotFinder = {
  /** Indices of the first frames of shots that are certain now. */
  push(frame: VideoFrame): number[];
  /** The remaining ones, at the end of the frames. */
  finish(): number[];
};

/** A step of `trackVideo`. */
export type TrackingEvent =
  /** The file is open and its audio measured; faces are not searched yet. */
  | { kind: 'open'; info: MediaInfo; audioLevel: AudioLevel; audio: () => AsyncIterable<Waveform> }
  /** A frame was searched for faces; `faces` is missing where the detector skipped it. */
  | { kind: 'frame'; frameIndex: number; faces?: number }
  /** The last one. */
  | { kind: 'tracked'; video: TrackedVideo };

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
  /** Frames at `fps` that the longest pass so far has read: all of them once faces were searched. */
  readonly frameCount: number;
  /** The frames from the first on, from memory where they are kept. */
  frames(): AsyncIterable<VideoFrame>;
  /** A region of the frames; undefined where they are kept whole, or the reader cannot. */
  part?(region: FrameRegion): AsyncIterable<VideoFrame> | undefined;
  /** The audio from the first frame on, 16 kHz mono, from memory where it is kept. */
  audio(): AsyncIterable<Waveform>;
  /** Releases what is kept; `frames` and `audio` then decode again. */
  release(): void;
};

const SHORTEST_AUDIO = 401; // samples; a shorter one cannot be mirrored for its first feature step
const KEEP_BYTES = 128 * 2 ** 20;

/**
 * Opens a video and tracks its faces, the first of two passes, and tells what it finds on the way: the audio can be
 * used while faces are still searched.
 *
 * Memory does not grow with the length but for the landmarks (0.5 kB per face and frame) and, of short videos, the
 * frames themselves.
 *
 * @throws UnusableVideo with the reason `broken`, `no such track`, `decoder failed`, `no video`, `no audio`, `silent`,
 *   `audio too short` or `no face`; other errors come from the detector or the system.
 * @example
 * for await (const event of trackVideo({ path: 'talk.mp4', reader, detector })) {
 *   if (event.kind === 'frame') console.log(event.frameIndex, event.faces);
 *   if (event.kind === 'tracked') console.log(event.video.tracks.length);
 * }
 */
export async function* trackVideo(options: TrackVideoOptions): AsyncGenerator<TrackingEvent> {
  const { path } = options;
  if (!options.detector && !options.tracks)
    fail(TypeError, 'trackVideo', 'detector', 'given where tracks are not', options.detector);
  const streams = await openStreams(options).catch((error: unknown) => {
    throw readerError(error, path);
  });
  let tracked = false;
  try {
    const passes = new VideoPasses(streams, options);
    yield await passes.open();
    yield* passes.search();
    tracked = true; // whoever takes the video may leave the loop
    yield { kind: 'tracked', video: passes.video() };
  } finally {
    if (!tracked) await streams.release();
  }
}

/**
 * `trackVideo` for those who want the result only.
 *
 * @throws as `trackVideo`.
 * @example
 * const video = await openTrackedVideo({ path: 'talk.mp4', reader, detector });
 * for (const track of video.tracks) console.log(track.id, track.firstFrame, track.frameCount);
 */
export async function openTrackedVideo(options: TrackVideoOptions): Promise<TrackedVideo> {
  let video: TrackedVideo | undefined;
  for await (const event of trackVideo(options)) if (event.kind === 'tracked') video = event.video;
  return video ?? fail(Error, 'openTrackedVideo', 'the video', 'tracked', 'none');
}

/** Both streams of a file: in one run of the decoder where its frames can wait while the audio is measured. */
async function openStreams({
  path,
  audioPath,
  reader,
  fps = 25,
  keepBytes = KEEP_BYTES,
}: TrackVideoOptions): Promise<MediaStreams> {
  const sampleRate = AUDIO_SAMPLE_RATE;
  const both = audioPath === undefined ? await reader.both?.(path, { fps, sampleRate, keepBytes }) : undefined;
  const own = both?.info ?? (await reader.probe(path));
  const { video, durationSec } = own;
  if (both && video && durationSec * fps * video.width * video.height * 3 <= keepBytes) return both;
  await both?.release();
  const other = audioPath === undefined ? undefined : await reader.probe(audioPath, { channels: true });
  const info = other ? { ...own, audio: other.audio, notes: audioNotes(own, other) } : own;
  // What `audio` gives may be read only once.
  const audio = {
    [Symbol.asyncIterator]: () => reader.audio(audioPath ?? path, { sampleRate })[Symbol.asyncIterator](),
  };
  return { info, frames: reader.frames(path, { fps }), audio, release: async () => undefined };
}

/** What is known of the video's frames, and of the audio of the other file. */
const audioNotes = (video: MediaInfo, audio: MediaInfo): string[] => [
  ...(video.choices ?? []).flatMap(({ kind }, index) => (kind === 'video' ? (video.notes?.[index] ?? []) : [])),
  ...(audio.notes ?? []),
];

/** A video while its passes are made: what is known so far. */
class VideoPasses {
  readonly #streams: MediaStreams;
  readonly #options: TrackVideoOptions;
  readonly #fps: number;
  readonly #keptAudio: KeptItems<Waveform>;
  readonly #keptFrames: KeptItems<VideoFrame>;
  readonly #frameSize = { width: 0, height: 0 };
  readonly #cuts: number[] = [];
  #audioLevel?: AudioLevel;
  #tracks: FaceTrack[];
  #frameCount = 0;

  constructor(streams: MediaStreams, options: TrackVideoOptions) {
    const { fps = 25, keepBytes = KEEP_BYTES, tracks = [] } = options;
    this.#streams = streams;
    this.#options = options;
    this.#fps = fps;
    this.#keptAudio = new KeptItems(keepBytes, ({ samples }) => samples.byteLength);
    this.#keptFrames = new KeptItems(keepBytes, ({ data }) => data.byteLength);
    this.#tracks = [...tracks];
  }

  /** Reads the audio. */
  async open(): Promise<TrackingEvent> {
    const { info } = this.#streams;
    const { silencePeak = 0.001 } = this.#options;
    if (!info.video) throw new UnusableVideo('no video', 'the file has no frame');
    if (!info.audio) throw new UnusableVideo('no audio', 'the file has no audio');
    [this.#frameSize.width, this.#frameSize.height] = [info.video.width, info.video.height];
    const audioLevel = await measureAudio(this.#keptAudio.pass(this.#decodeAudio()));
    if (audioLevel.samples < SHORTEST_AUDIO)
      throw new UnusableVideo('audio too short', `${audioLevel.samples} samples of audio`);
    if (audioLevel.peak < silencePeak) {
      throw new UnusableVideo('silent', `largest sample ${audioLevel.peak.toPrecision(3)}, below ${silencePeak}`);
    }
    this.#audioLevel = audioLevel;
    return { kind: 'open', info, audioLevel, audio: () => this.#audio() };
  }

  /** Reads the frames, where faces or shots have to be found. */
  async *search(): AsyncGenerator<TrackingEvent> {
    const { tracks, shots } = this.#options;
    if (tracks && shots) for await (const { index } of this.#whole()) yield { kind: 'frame', frameIndex: index };
    else if (!tracks && !(yield* this.#searchSmaller())) yield* this.#track(this.#whole());
    if ((!tracks || shots) && this.#frameCount === 0) throw new UnusableVideo('broken', 'no frame could be decoded');
    if (this.#tracks.length > 0) return;
    if (tracks) throw new UnusableVideo('no face', 'no face in the landmarks given');
    throw new UnusableVideo('no face', `no face found in ${this.#frameCount} frames${this.#sizeNeeded()}`);
  }

  /** Which faces are large enough for the detector, if it says so. */
  #sizeNeeded(): string {
    const { width, height } = this.#frameSize;
    const pixels = this.#options.detector?.smallestFace?.({ width, height });
    if (pixels === undefined) return '';
    const needed = `from the brows to the chin a face must be at least ${Math.ceil(pixels)} pixels high`;
    return ` of ${width} x ${height}: ${needed}`;
  }

  video(): TrackedVideo {
    const { path, reader, tracks, collect } = this.#options;
    const fps = this.#fps;
    const frameCount = () => this.#frameCount;
    return {
      path,
      info: this.#streams.info,
      fps,
      // Between two detections landmarks are interpolated: over a cut they would lie between two faces.
      tracks: splitTracks(this.#tracks, this.#cuts, tracks ? 0 : (collect?.stride ?? 1) - 1),
      cuts: this.#cuts,
      audioLevel: this.#audioLevel!,
      frameSize: this.#frameSize,
      get frameCount() {
        return frameCount();
      },
      frames: () => (this.#keptFrames.items ? this.#keptFrames.replay() : this.#counted(this.#streams.frames)),
      part: (region) => {
        const parts = this.#keptFrames.items ? undefined : reader.view?.(path, { fps, region });
        return parts && this.#counted(parts);
      },
      audio: () => this.#audio(),
      release: () => {
        this.#keptFrames.release();
        this.#keptAudio.release();
        void this.#streams.release();
      },
    };
  }

  #audio(): AsyncIterable<Waveform> {
    return this.#keptAudio.items ? this.#keptAudio.replay() : this.#decodeAudio();
  }

  #decodeAudio(): AsyncIterable<Waveform> {
    return readable(this.#streams.audio, this.#options.audioPath ?? this.#options.path);
  }

  async *#counted(frames: AsyncIterable<VideoFrame>): AsyncGenerator<VideoFrame> {
    let count = 0;
    for await (const frame of readable(frames, this.#options.path)) {
      this.#frameCount = Math.max(this.#frameCount, ++count);
      yield frame;
    }
  }

  /** The whole frames in the first pass. */
  async *#whole(): AsyncGenerator<VideoFrame> {
    const { shots } = this.#options;
    for await (const frame of this.#keptFrames.pass(this.#counted(this.#streams.frames))) {
      [this.#frameSize.width, this.#frameSize.height] = [frame.width, frame.height];
      if (shots) this.#cuts.push(...shots.push(frame));
      yield frame;
    }
    if (shots) this.#cuts.push(...shots.finish());
  }

  async *#track(
    frames: AsyncIterable<VideoFrame>,
    check?: (found: TrackedFrame) => void,
  ): AsyncGenerator<TrackingEvent> {
    const tracking = trackFaces(frames, this.#options.detector!, this.#options.collect);
    let step = await tracking.next();
    try {
      for (; !step.done; step = await tracking.next()) {
        check?.(step.value);
        const { frame, faces } = step.value;
        yield { kind: 'frame', frameIndex: frame.index, ...(faces ? { faces: faces.length } : {}) };
      }
      this.#tracks = step.value;
    } finally {
      await tracking.return([]); // ends the decoder where the loop was left
    }
  }

  /**
   * Tracks in frames scaled down, points in pixels of the whole ones. Returns false where that cannot be done, or finds
   * no face.
   */
  async *#searchSmaller(): AsyncGenerator<TrackingEvent, boolean> {
    const { path, reader, shots, detectionSide = Infinity } = this.#options;
    const { width, height } = this.#frameSize;
    if (Math.max(width, height) < 1.5 * detectionSide || shots) return false;
    const smaller = reader.view?.(path, { fps: this.#fps, maxSide: detectionSide });
    if (!smaller) return false;
    const scale = { x: 1, y: 1 };
    try {
      yield* this.#track(this.#counted(smaller), ({ frame, faces = [] }) => {
        scale.x = width / frame.width;
        scale.y = height / frame.height;
        if (faces.some(({ points }) => longerSide(points) < SMALLEST_FACE)) throw new SmallFace();
      });
    } catch (error) {
      if (error instanceof SmallFace) return false;
      throw error;
    }
    this.#tracks = this.#tracks.map((track) => ({
      ...track,
      points: track.points.map((value, i) => value * (i % 2 === 0 ? scale.x : scale.y)),
    }));
    return this.#tracks.length > 0;
  }
}

/**
 * Longer side of the landmarks' box, pixels of the scaled frame, below which whole frames are used. Measured on a face
 * of 200 pixels: scaled to 100 its landmarks lie 0.2 pixels from those in the whole frame, scaled to 65 0.4, to 50 0.7.
 */
const SMALLEST_FACE = 64;

class SmallFace extends Error {}

function longerSide(points: Float32Array): number {
  const { left, top, right, bottom } = landmarkBox(points);
  return Math.max(right - left, bottom - top);
}
