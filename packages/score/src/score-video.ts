import {
  AUDIO_SAMPLE_RATE,
  type FaceTrack,
  type LandmarkDetector,
  type MediaReader,
  type PublishedPipeline,
  type VerdictCalibration,
  type Waveform,
} from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type CollectTracksOptions, createLandmarkDetector } from '@lipsync/face-crop';
import type { MediaInput } from '@lipsync/media';
import type { Embedder } from '@lipsync/metrics';
import {
  type AudioLevel,
  audioOfTrack,
  type FrameWindow,
  LANDMARK_QUALITY,
  type LandmarkQuality,
  measureAudio,
  streamFrameWindows,
  type TrackedVideo,
  trackVideo,
  UnusableVideo,
} from '@lipsync/sync-windows';
import { AudioEmbeddings } from './embed/audio-embeddings';
import { type EngineOptions, engineCompiler, engineFor } from './embed/engine';
import { audioProblems } from './faces/audio-problems';
import type { VideoScore } from './faces/face-score';
import { type FaceAudio, openScoring, type Scoring, scoreFaces } from './faces/score-faces';
import { SpeechFlags } from './faces/speech-flags';
import { withExpert } from './load-expert/with-expert';
import { type AssetOptions, assetFolder } from './peers/asset-folder';
import { ensureBackend } from './peers/start-backend';
import { openVideoReader, readerOf, videoName } from './peers/video-reader';
import { windowsOfCrops, writeCropFiles } from './protocol/crop-files';
import { deviationsOf, readerFor } from './protocol/published-reader';
import type { ProtocolOptions } from './protocol/score-protocol';
import { frameProblem, trackProblem, wholeVideoTrack } from './protocol/track-rules';

export type ScoreOptions = ProtocolOptions &
  EngineOptions &
  AssetOptions & {
    /**
     * A network of `loadExpert`, or an `Embedder` such as that of `openEmbedder`; borrowed. Default: that of
     * `openEmbedder()`, which is loaded for this call and disposed afterwards; for many videos open it once and pass it.
     */
    expert?: SyncExpert | Embedder;
    /** Finds the landmarks; borrowed. Default: that of `@lipsync/face-crop`, disposed afterwards. */
    detector?: LandmarkDetector;
    /** Settings of the default detector, and defaults of the next two options. Default `fast`. */
    landmarkQuality?: LandmarkQuality;
    /** How detections become tracks; protocols with rules for tracks have their own. */
    collect?: CollectTracksOptions;
    /** See `TrackVideoOptions`; not used by protocols with rules for tracks. */
    detectionSide?: number;
    /**
     * Turns the evidence for an offset into the verdict's confidence. Default: that of the expert's weights file; where it
     * has none, there is no confidence.
     */
    calibration?: VerdictCalibration;
    /**
     * Gets every window of frames before it is scored: the network's input, for images of it. In the order of the
     * frames, the faces interleaved (one after the other where a published pipeline writes their crops to files);
     * borrowed, and not to be changed.
     */
    onWindow?: (window: FrameWindow) => void;
    /** Gets lines such as which backend was selected. Default `console.warn`. */
    log?: (line: string) => void;
  };

export type ScoreVideoOptions = ScoreOptions & {
  /**
   * Decodes the video. Default: `openMedia()` of `@lipsync/media`, an optional peer, in Node; elsewhere its
   * `openMediaInBrowser()`.
   */
  reader?: MediaReader;
};

/**
 * Offset, LSE-D and LSE-C of every face in a video, by the expert's own recipe or by a published protocol.
 *
 * Decodes the frames once to track the faces and, where they take more than 256 MiB (13 s of 512 x 512), once more to
 * cut them. Memory does not grow with the length of the video beyond that, apart from the landmarks (0.5 kB per frame),
 * the distances (124 bytes per window) and at most 16 MiB of audio embeddings that are computed while faces are
 * searched. Each window of audio is embedded once, for all faces and offsets.
 *
 * Where no TensorFlow.js backend is set and the option `engine` does not say otherwise, the networks run in onnxruntime
 * if it is installed; else one is selected by `@lipsync/backends` and logged.
 *
 * @param source path of the video; in browsers a `File`, `Blob`, URL, stream or bytes. As the reader takes it.
 * @returns a score for each face that is visible long enough; a broken, silent or faceless video has none, and
 * `problems` says why.
 * @throws TypeError with an expert that the protocol cannot use; Error where an optional package is missing; what reader
 * and detector throw that is not about the video.
 * @example
 * const { faces } = await scoreVideo('talk.mp4');
 * console.log(faces[0].sentence, faces[0].lseD, faces[0].lseC); // audio is 3 frames (120 ms) early 7.4 5.1
 */
export async function scoreVideo(source: MediaInput, options: ScoreVideoOptions = {}): Promise<VideoScore> {
  const { log = (line: string) => console.warn(line) } = options;
  const engine = engineFor(options);
  return withExpert({ ...options, engine, log }, async (expert) => {
    const scoring = await openScoring(expert, options);
    await ensureBackend(log, assetFolder(options.assetsUrl));
    const reader = options.reader ?? (await openVideoReader(log));
    return scoreMedia(videoName(source), readerOf(reader, source), scoring, { ...options, engine });
  });
}

/** Decoded frames that are kept for the second pass: 13 s of 512 x 512. Decoding them again takes 0.8 s of CPU time. */
const KEEP_BYTES = 256 * 2 ** 20;

/** Scores what a reader opens. */
export async function scoreMedia(
  path: string,
  given: MediaReader,
  scoring: Scoring,
  options: ScoreOptions,
): Promise<VideoScore> {
  const { protocol } = scoring;
  const { reader, pipeline, release } = readerFor(protocol, given);
  const score: VideoScore = {
    file: path,
    fps: protocol.recipe.fps,
    frameCount: 0,
    faces: [],
    problems: [],
    notes: [],
    protocol,
  };
  const audio = new VideoAudio(scoring);
  let video: TrackedVideo | undefined;
  let detector: LandmarkDetector | undefined;
  try {
    const tracks = await givenTracks(path, reader, scoring);
    const { detector: settings, ...quality } = LANDMARK_QUALITY[options.landmarkQuality ?? 'fast'];
    if (!tracks && !options.detector) {
      const compile = await engineCompiler(options);
      detector = await createLandmarkDetector({ ...settings, compile, weights: assetFolder(options.assetsUrl) });
    }
    const { collect = quality.collect, detectionSide = quality.detectionSide } = options;
    const tracking = trackVideo({
      path,
      reader,
      detector: options.detector ?? detector,
      tracks,
      fps: protocol.recipe.fps,
      keepBytes: KEEP_BYTES,
      ...(protocol.tracks
        ? { collect: { maxGap: protocol.tracks.maxGap, minFrames: 5, stride: 1 } }
        : { collect, detectionSide }),
    });
    for await (const event of tracking) {
      if (event.kind === 'open') {
        score.protocol = { ...protocol, deviations: deviationsOf(protocol, given, event.info) };
        score.notes.push(...score.protocol.deviations.slice(protocol.deviations.length));
        audio.open(event.audio, event.audioLevel);
        score.notes.push(...(event.info.notes ?? []));
        score.problems.push(...audioProblems(event.audioLevel, protocol.recipe));
      } else if (event.kind === 'tracked') video = event.video;
      else {
        score.frameCount = event.frameIndex + 1;
        if (event.faces) audio.prefetch(event.frameIndex);
      }
    }
    if (video)
      await scoreTracked(video, { audio, pipeline: await pipeline(), onWindow: options.onWindow }, scoring, score);
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    score.problems.push(`${error.reason}: ${error.detail}`);
  } finally {
    const damage = await given.concealed?.(path).catch(() => undefined);
    if (damage) score.notes.push(damage.note);
    score.frameCount = Math.max(score.frameCount, video?.frameCount ?? 0);
    try {
      await audio.close();
    } finally {
      video?.release();
      detector?.dispose();
      await release(); // deletes what the audio is read from
    }
  }
  return score;
}

/** Protocols whose videos are face crops take every frame as it is. */
async function givenTracks(path: string, reader: MediaReader, { protocol }: Scoring): Promise<FaceTrack[] | undefined> {
  const { crop, fps } = protocol.recipe;
  if (crop.kind !== 'whole frame') return undefined;
  const info = await reader.probe(path).catch(() => undefined); // a broken file is reported by the pass over its frames
  // Published decoding takes every frame of the file for one of 25 a second.
  const mostFps = protocol.frames === 'jpeg' ? Math.max(2 * (info?.video?.fps ?? 0), fps) : fps;
  return [wholeVideoTrack(info?.durationSec ?? 0, mostFps)];
}

/** Scores the faces that the protocol takes. */
async function scoreTracked(
  video: TrackedVideo,
  { audio, pipeline, onWindow }: Scored,
  scoring: Scoring,
  score: VideoScore,
): Promise<void> {
  const { recipe, tracks: rules } = scoring.protocol;
  const tracks = video.tracks.filter((track) => {
    const problem = frameProblem(video.frameSize, recipe.crop) ?? trackProblem(track, rules);
    if (problem) score.problems.push(`face ${track.id}: ${problem}`);
    return !problem;
  });
  if (pipeline) return scoreCropFiles({ video, tracks, audio, pipeline, onWindow }, scoring, score);
  await scoreFaces(
    {
      tracks,
      windows: streamFrameWindows(video, { recipe, tracks }),
      audioOf: (track) => audio.of(video, track),
      extent: () => ({ frameCount: video.frameCount, samples: video.audioLevel.samples }),
      onWindow,
    },
    scoring,
    score,
  );
}

/** Scores each face from a file of its crops, one after the other, as published pipelines do. */
async function scoreCropFiles(
  { video, tracks, audio, pipeline, onWindow }: CroppedFaces,
  scoring: Scoring,
  score: VideoScore,
): Promise<void> {
  const { recipe } = scoring.protocol;
  const withAudio = tracks.filter((track) => {
    const seconds = Math.max(0, video.audioLevel.samples / AUDIO_SAMPLE_RATE - track.firstFrame / recipe.fps);
    if (seconds * recipe.fps < recipe.frameCount)
      score.problems.push(`face ${track.id}: the audio ends ${seconds.toFixed(2)} s after its first frame`);
    return seconds * recipe.fps >= recipe.frameCount;
  });
  const files = await writeCropFiles(video, withAudio, { pipeline, crop: recipe.crop });
  for (const track of withAudio) {
    const streams = files.get(track);
    if (!streams) {
      score.problems.push(`face ${track.id}: the video ends before its first frame`);
      continue;
    }
    const level = await measureAudio(streams.audio);
    const read = { frames: 0 };
    const samplesBefore = (track.firstFrame * AUDIO_SAMPLE_RATE) / recipe.fps;
    await scoreFaces(
      {
        tracks: [track],
        windows: windowsOfCrops(track, streams, { recipe, read }),
        audioOf: () => audio.ofFile(streams.audio, video.audioLevel, track),
        extent: () => ({ frameCount: track.firstFrame + read.frames, samples: samplesBefore + level.samples }),
        onWindow,
      },
      scoring,
      score,
    );
  }
  // A file of crops ends with its face.
  for (const face of score.faces) face.missingFrames = video.frameCount - face.frameCount;
}

/** What is scored beside the tracks. */
type Scored = { audio: VideoAudio; pipeline?: PublishedPipeline } & Pick<ScoreOptions, 'onWindow'>;

type CroppedFaces = Scored & { video: TrackedVideo; tracks: readonly FaceTrack[]; pipeline: PublishedPipeline };

/** The audio embeddings of a video: of the file for all faces, or of each face from its first frame on. */
class VideoAudio {
  readonly #scoring: Scoring;
  readonly #all: AudioEmbeddings[] = [];
  #shared?: Omit<FaceAudio, 'firstFrame'>;

  constructor(scoring: Scoring) {
    this.#scoring = scoring;
  }

  open(audio: ConstructorParameters<typeof AudioEmbeddings>[1], level: AudioLevel): void {
    if (this.#scoring.protocol.audioFrom === 'file') this.#shared = this.#make(audio, level);
  }

  prefetch(frame: number): void {
    this.#shared?.audio.prefetch(frame);
  }

  of(video: TrackedVideo, track: FaceTrack): FaceAudio {
    if (this.#shared) return { ...this.#shared, firstFrame: 0 };
    return { ...this.#make(() => audioOfTrack(video, track), video.audioLevel), firstFrame: track.firstFrame };
  }

  /** Of a file that holds one face. */
  ofFile(audio: AsyncIterable<Waveform>, level: AudioLevel, { firstFrame }: FaceTrack): FaceAudio {
    return { ...this.#make(() => audio, level), firstFrame };
  }

  async close(): Promise<void> {
    for (const audio of this.#all) await audio.close();
  }

  #make(open: ConstructorParameters<typeof AudioEmbeddings>[1], level: AudioLevel): Omit<FaceAudio, 'firstFrame'> {
    const { embedder, batchSize, protocol } = this.#scoring;
    const speech = new SpeechFlags(protocol.recipe.fps);
    const audio = new AudioEmbeddings(embedder, () => speech.pass(open()), { batchSize, loudness: { level } });
    this.#all.push(audio);
    return { audio, speech };
  }
}
