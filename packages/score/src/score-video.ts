import type { FaceTrack, FrameSequence, LandmarkDetector, MediaReader, SyncRecipe, Waveform } from '@lipsync/contracts';
import { fail, frameShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type CollectTracksOptions, faceBoxes } from '@lipsync/face-crop';
import {
  batchSizeFor,
  type ExpertFacts,
  meanOfTracks,
  PROTOCOLS,
  protocolHash,
  referenceWindows,
  type SyncProtocol,
  type SyncScore,
  WindowScorer,
} from '@lipsync/metrics';
import {
  audioOfTrack,
  type FrameWindow,
  openTrackedVideo,
  streamFrameWindows,
  type TrackedVideo,
  UnusableVideo,
} from '@lipsync/sync-windows';
import { AudioEmbeddings } from './embed/audio-embeddings';
import { type Embedder, embedHere } from './embed/embedder';

/** The score of one face of a video. */
export type TrackScore = Omit<SyncScore, 'perWindow' | 'expert' | 'space' | 'edges' | 'fps'> & {
  track: number;
  /** Index at the recipe's rate of the first frame that shows the face. */
  firstFrame: number;
  /** Frames that show it. */
  frameCount: number;
  /** Mean score of the face detector, 0..1. */
  detectionScore: number;
  /** One number a window: distance at the best offset, and confidence through a median filter of 9. */
  perWindow: { distances: number[]; confidences: number[] };
};

/** The score of one video, or why there is none. */
export type VideoScore = {
  file: string;
  fps: number;
  /** Frames at `fps`, in all. */
  frameCount: number;
  tracks: TrackScore[];
  /** One result for the file, where the protocol has a rule for several tracks. */
  mean?: { offsetFrames: number; lseC: number; lseD: number };
  /** Why there is no score, or which faces could not be scored. */
  problems: string[];
};

/** What a score is worth nothing without. */
export type ScoreProtocol = SyncProtocol & {
  /** SHA-256 of the protocol's rules. */
  hash: string;
  expert: string;
  /** SHA-256 of the weights file. */
  weightsHash?: string;
  /** What the expert was fed with. */
  recipe: SyncRecipe;
  space: SyncExpert['space'];
  /** Where this program does something else than the source of the protocol. */
  deviations: string[];
};

export type ScoreOptions = {
  /** Default `PROTOCOLS.recipe`. */
  protocol?: SyncProtocol;
  /** Instead of the protocol's. */
  maxShift?: number;
  edges?: 'zero' | 'overlap';
  /** How detections become tracks. */
  collect?: CollectTracksOptions;
  /** Faces are followed in frames of this longer side where they are large enough for it; see `openTrackedVideo`. Not by protocols with a tracker. */
  detectionSide?: number;
};

/** The protocol in force: the named one, with what was asked for instead. */
function rulesOf({ protocol = PROTOCOLS.recipe, maxShift, edges }: ScoreOptions): SyncProtocol {
  return { ...protocol, ...(maxShift === undefined ? {} : { maxShift }), ...(edges === undefined ? {} : { edges }) };
}

/** The recipe that the expert is fed by under a protocol. */
function recipeUnder(expert: ExpertFacts, protocol: SyncProtocol): SyncRecipe {
  if (protocol.crop === undefined) return expert.recipe;
  const [wanted, given] = [frameShape(expert.recipe.crop), frameShape(protocol.crop)];
  if (wanted.height !== given.height || wanted.width !== given.width) {
    const seen = `${expert.name}, which takes ${wanted.height} x ${wanted.width}`;
    fail(
      TypeError,
      'scoreVideo',
      'expert',
      `one that takes ${given.height} x ${given.width} pixels, as protocol ${protocol.name} does`,
      seen,
    );
  }
  return { ...expert.recipe, crop: protocol.crop };
}

/** What `scoreVideo` follows with these options. */
export async function scoreProtocol(expert: ExpertFacts, options: ScoreOptions = {}): Promise<ScoreProtocol> {
  const rules = rulesOf(options);
  const { name, weightsHash, space } = expert;
  const deviations = rules.crop ? ['frames are decoded straight to RGB: no JPEG files in between'] : [];
  if (rules.tracks)
    deviations.unshift(
      'faces are found by the detector of @lipsync/face-crop, not S3FD; boxes are put around its landmarks',
    );
  return {
    ...rules,
    hash: await protocolHash(rules),
    expert: name,
    ...(weightsHash === undefined ? {} : { weightsHash }),
    recipe: recipeUnder(expert, rules),
    space,
    deviations,
  };
}

/**
 * Offset, LSE-D and LSE-C of every face in a video, by the expert's own recipe or by a published protocol.
 *
 * Looks at the frames once to follow the faces and once more to cut them; memory does not grow with the length of the video, apart from
 * the landmarks (0.5 kB a frame), the distances (124 bytes a window) and at most 16 MiB of audio that is embedded while faces are looked for.
 * Each window of audio is embedded once, for all faces and offsets.
 *
 * @param parts.expert A network on the backend that is set, or one that runs elsewhere (`ExpertThreads`); borrowed.
 * @returns a score a track that is long enough; a broken, silent or faceless video has none, and `problems` says why.
 * @example
 * const { tracks } = await scoreVideo('talk.mp4', { expert, reader: await openMedia(), detector });
 * console.log(tracks[0].sentence); // audio is 3 frames (120 ms) early
 */
export async function scoreVideo(
  path: string,
  parts: { expert: SyncExpert | Embedder; reader: MediaReader; detector?: LandmarkDetector } & ScoreOptions,
): Promise<VideoScore> {
  const { reader, detector, collect } = parts;
  const embedder = 'concurrency' in parts.expert ? parts.expert : embedHere(parts.expert);
  const rules = rulesOf(parts);
  const recipe = recipeUnder(embedder.expert, rules);
  const score: VideoScore = { file: path, fps: recipe.fps, frameCount: 0, tracks: [], problems: [] };
  const batchSize = batchSizeFor(recipe);
  const audios: AudioEmbeddings[] = [];
  const embedAudio = (audio: () => AsyncIterable<Waveform>) => {
    const sound = new AudioEmbeddings(embedder, audio, { batchSize });
    audios.push(sound);
    return sound;
  };
  let shared: AudioEmbeddings | undefined;
  let video: TrackedVideo | undefined;
  try {
    const whole = recipe.crop.kind === 'whole frame';
    video = await openTrackedVideo({
      path,
      reader: counting(reader, (count) => (score.frameCount = Math.max(score.frameCount, count))),
      detector: detector && prefetching(detector, (frame) => shared?.prefetch(frame)),
      ...(whole
        ? { tracks: [wholeFile((await reader.probe(path).catch(() => undefined))?.durationSec, recipe.fps)] }
        : {}),
      collect: rules.tracks ? { maxGap: rules.tracks.maxGap, minFrames: 5, stride: 1 } : collect,
      ...(rules.tracks ? {} : { detectionSide: parts.detectionSide }),
      fps: recipe.fps,
      onAudio: (audio) => {
        if (rules.audioFrom !== 'track') shared = embedAudio(audio);
      },
    });
    const { frameSize: frame } = video;
    const tracks = video.tracks.filter((track) => {
      const problem = whole ? unlike(frame, recipe.crop) : unfit(track, rules.tracks);
      if (problem) score.problems.push(`face ${track.id}: ${problem}`);
      return !problem;
    });
    const { maxShift, edges } = rules;
    // What a thread computes and what it goes on with; of many faces each has its share of that.
    const maxPending = Math.ceil((2 * embedder.concurrency) / Math.max(1, tracks.length));
    const faces = new Map<FaceTrack, FaceWindows>();
    for (const track of tracks) {
      const opened = video;
      const sound = shared ?? embedAudio(() => audioOfTrack(opened, track));
      const audioFrame = (frame: number) => (shared ? frame : frame - track.firstFrame);
      const scorer = new WindowScorer<FrameWindow>(embedder.expert, {
        maxShift,
        edges,
        batchSize,
        maxPending,
        embed: async (windows) => {
          const audio = sound.rows(audioFrame(windows[0].startFrame), windows.length);
          audio.catch(() => {}); // said below
          const visual = await embedder.visual(windows.map(({ frames }) => frames));
          return { visual, audio: await audio };
        },
      });
      faces.set(track, new FaceWindows(scorer, sound, audioFrame));
    }
    if (tracks.length > 0) {
      for await (const window of streamFrameWindows(video, { recipe, tracks })) {
        await faces.get(window.track)?.add(window);
      }
    }
    for (const [track, face] of faces) {
      const frameCount = Math.min(track.frameCount, score.frameCount - track.firstFrame);
      const samples = Math.min(video.audioLevel.samples - track.firstFrame * 640, track.frameCount * 640);
      const limit =
        rules.windows === 'reference' && Math.min(frameCount, samples / 640) >= 6
          ? referenceWindows(frameCount, samples)
          : Infinity;
      const found = rules.windows === 'reference' && limit === Infinity ? undefined : await face.finish(limit);
      if (found) score.tracks.push(trackScore({ ...track, frameCount }, found));
      else
        score.problems.push(
          `face ${track.id}: too short: ${frameCount} frames with audio, fewer than a window of ${recipe.frameCount} needs`,
        );
    }
    if (rules.perFile === 'mean of tracks' && score.tracks.length > 0) score.mean = meanOfTracks(score.tracks);
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    score.problems.push(`${error.reason}: ${error.detail}`);
  } finally {
    for (const audio of audios) await audio.close();
    video?.release();
  }
  return score;
}

/** In one batch. */
const MOST_WINDOWS = 32;

/** Feeds a scorer with all windows that have audio but the last, which the reference's count may leave out. */
class FaceWindows {
  private last?: FrameWindow;
  private given = 0;
  private ended = false;

  constructor(
    private readonly scorer: WindowScorer<FrameWindow>,
    private readonly audio: AudioEmbeddings,
    private readonly audioFrame: (frame: number) => number,
  ) {}

  async add(window: FrameWindow): Promise<void> {
    if (this.ended) return;
    if (!(await this.audio.has(this.audioFrame(window.startFrame)))) {
      this.ended = this.last !== undefined; // before the first one the audio may only begin later
      return;
    }
    if (this.last) {
      await this.scorer.update(this.last);
      this.given++;
    }
    this.last = window;
    // A batch that is not full yet reaches no further back; all faces are at the same frame.
    this.audio.forget(Math.max(0, this.audioFrame(window.startFrame) - 2 * MOST_WINDOWS));
  }

  /** @param limit windows that count; undefined where there was none. */
  async finish(limit: number): Promise<SyncScore | undefined> {
    if (this.last && this.given < limit) {
      await this.scorer.update(this.last);
      this.given++;
    }
    return this.given > 0 ? this.scorer.compute() : undefined;
  }
}

/** One track that shows all of a file: whose frames are face crops already. */
function wholeFile(durationSec: number | undefined, fps: number): FaceTrack {
  const frameCount = Math.max(1, Math.ceil((durationSec ?? 0) * fps) + fps); // the frames end it earlier
  return { id: 0, firstFrame: 0, frameCount, points: new Float32Array(frameCount * 136), score: 1, interpolated: 0 };
}

/** Why a protocol does not take a whole file. */
function unlike({ width, height }: { width: number; height: number }, crop: SyncRecipe['crop']): string | undefined {
  if (crop.kind !== 'whole frame' || crop.resize !== 'none' || (width === crop.size && height === crop.size))
    return undefined;
  const others = 'the protocols syncnet-pipeline and wav2lip-lrs take other videos';
  return `frames of ${width} x ${height}: the protocol takes face crops of ${crop.size} x ${crop.size} (${others})`;
}

/** Why a protocol does not take a track. */
function unfit(track: FaceTrack, rules: SyncProtocol['tracks']): string | undefined {
  if (!rules) return undefined;
  const seen = track.frameCount - track.interpolated;
  if (seen <= rules.minFrames)
    return `too short: seen in ${seen} frames, the protocol takes more than ${rules.minFrames}`;
  const boxes = faceBoxes(track);
  let [width, height] = [0, 0];
  for (let i = 0; i < boxes.length; i += 4) {
    width += (boxes[i + 2] - boxes[i]) / track.frameCount;
    height += (boxes[i + 3] - boxes[i + 1]) / track.frameCount;
  }
  const size = Math.max(width, height);
  return size > rules.minFaceSize
    ? undefined
    : `too small: ${Math.round(size)} px, the protocol takes more than ${rules.minFaceSize}`;
}

function trackScore(track: FaceTrack, score: SyncScore): TrackScore {
  const { perWindow, offsetFrames, offsetSec, sentence, atEdge, lseD, lseC, meanDistances, windows } = score;
  return {
    track: track.id,
    firstFrame: track.firstFrame,
    frameCount: track.frameCount,
    detectionScore: track.score,
    offsetFrames,
    offsetSec,
    sentence,
    atEdge,
    lseD,
    lseC,
    meanDistances,
    windows,
    perWindow: { distances: [...perWindow.distances], confidences: [...perWindow.confidences] },
  };
}

/** The same detector, telling of frames with a face. */
function prefetching(detector: LandmarkDetector, tell: (frame: number) => void): LandmarkDetector {
  return {
    scheme: detector.scheme,
    async detect(frame) {
      const faces = await detector.detect(frame);
      if (faces.length > 0) tell(frame.index);
      return faces;
    },
    reset: () => detector.reset(),
    dispose: () => {},
  };
}

/** The same reader, telling how many frames have come. */
function counting(reader: MediaReader, tell: (count: number) => void): MediaReader {
  const counted = (frames: FrameSequence): FrameSequence => ({
    fps: frames.fps,
    async *[Symbol.asyncIterator]() {
      let count = 0;
      for await (const frame of frames) {
        tell(++count);
        yield frame;
      }
    },
  });
  const { both, view } = reader;
  return {
    probe: (path) => reader.probe(path),
    audio: (path, options) => reader.audio(path, options),
    frames: (path, options) => counted(reader.frames(path, options)),
    ...(view ? { view: (path, options) => counted(view.call(reader, path, options)) } : {}),
    ...(both
      ? {
          async both(path, options) {
            const video = await both.call(reader, path, options);
            return {
              info: video.info,
              frames: counted(video.frames),
              audio: video.audio,
              release: () => video.release(),
            };
          },
        }
      : {}),
  };
}
