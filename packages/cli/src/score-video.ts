import type { FaceTrack, FrameSequence, LandmarkDetector, MediaReader, SyncExpert, SyncRecipe } from '@lipsync/contracts';
import { pictureShape } from '@lipsync/contracts';
import { openTrackedVideo, streamSyncWindows, UnusableVideo, type SyncWindow, type TrackedVideo } from '@lipsync/dataloader';
import { faceBoxes, type CollectTracksOptions } from '@lipsync/face-crop';
import {
  meanOfTracks,
  protocolHash,
  PROTOCOLS,
  referenceWindows,
  WindowScorer,
  type SyncProtocol,
  type SyncScore,
} from '@lipsync/metrics';
import { UsageError } from './command';

/** The score of one face of a video. */
export type TrackScore = Omit<SyncScore, 'perWindow' | 'expert' | 'space' | 'outside' | 'fps'> & {
  track: number;
  /** Index at the recipe's rate of the first picture that shows the face. */
  firstFrame: number;
  /** Pictures that show it. */
  frames: number;
  /** Mean score of the face detector, 0..1. */
  detectionScore: number;
  /** One number a window: distance at the best offset, and confidence through a median filter of 9. */
  perWindow: { distances: number[]; confidences: number[] };
};

/** The score of one video, or why there is none. */
export type VideoScore = {
  file: string;
  fps: number;
  /** Pictures at `fps`, in all. */
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
  outside?: 'zero' | 'overlap';
  /** How detections become tracks. */
  collect?: CollectTracksOptions;
};

/** The protocol in force: the named one, with what was asked for instead. */
function rulesOf({ protocol = PROTOCOLS.recipe, maxShift, outside }: ScoreOptions): SyncProtocol {
  return { ...protocol, ...(maxShift === undefined ? {} : { maxShift }), ...(outside === undefined ? {} : { outside }) };
}

/** The recipe that the expert is fed by under a protocol. */
function recipeUnder(expert: SyncExpert, protocol: SyncProtocol): SyncRecipe {
  if (protocol.crop === undefined) return expert.recipe;
  const [wanted, given] = [pictureShape(expert.recipe.crop), pictureShape(protocol.crop)];
  if (wanted.height !== given.height || wanted.width !== given.width) {
    throw new UsageError(
      `the protocol ${protocol.name} must be used with a network that sees ${given.height} x ${given.width} pixels, got ${expert.name} (${wanted.height} x ${wanted.width})`,
    );
  }
  return { ...expert.recipe, crop: protocol.crop };
}

/** What `scoreVideo` follows with these options. */
export async function scoreProtocol(expert: SyncExpert, options: ScoreOptions = {}): Promise<ScoreProtocol> {
  const rules = rulesOf(options);
  const { name, weightsHash, space } = expert;
  const deviations = rules.crop ? ['pictures are decoded straight to RGB: no JPEG files in between'] : [];
  if (rules.tracks) deviations.unshift('faces are found by the detector of @lipsync/face-crop, not S3FD; boxes are put around its landmarks');
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
 * Looks at the pictures once to follow the faces and once more to cut them; memory does not grow with the length of the video, apart from
 * the landmarks (0.5 kB a picture) and the distances (124 bytes a window).
 *
 * @returns a score a track that is long enough; a broken, silent or faceless video has none, and `problems` says why.
 * @example
 * const { tracks } = await scoreVideo('talk.mp4', { expert, reader: await openMedia(), detector });
 * console.log(tracks[0].sentence); // audio is 3 frames (120 ms) early
 */
export async function scoreVideo(
  path: string,
  parts: { expert: SyncExpert; reader: MediaReader; detector?: LandmarkDetector } & ScoreOptions,
): Promise<VideoScore> {
  const { expert, reader, detector, collect } = parts;
  const rules = rulesOf(parts);
  const recipe = recipeUnder(expert, rules);
  const score: VideoScore = { file: path, fps: recipe.fps, frameCount: 0, tracks: [], problems: [] };
  let video: TrackedVideo | undefined;
  try {
    const whole = recipe.crop.kind === 'whole frame';
    video = await openTrackedVideo({
      path,
      reader: counting(reader, (count) => (score.frameCount = Math.max(score.frameCount, count))),
      detector,
      ...(whole ? { tracks: [wholeFile((await reader.probe(path).catch(() => undefined))?.durationSec, recipe.fps)] } : {}),
      collect: rules.tracks ? { maxGap: rules.tracks.maxGap, minFrames: 5, every: 1 } : collect,
      fps: recipe.fps,
    });
    const { picture } = video;
    const tracks = video.tracks.filter((track) => {
      const problem = whole ? unlike(picture, recipe.crop) : unfit(track, rules.tracks);
      if (problem) score.problems.push(`face ${track.id}: ${problem}`);
      return !problem;
    });
    const { maxShift, outside } = rules;
    const faces = new Map(tracks.map((track) => [track, new FaceWindows(new WindowScorer(expert, { maxShift, outside }))]));
    if (tracks.length > 0) {
      for await (const window of streamSyncWindows(video, { recipe, tracks, soundFrom: rules.soundFrom })) {
        await faces.get(window.track)?.add(window);
      }
    }
    for (const [track, face] of faces) {
      const frames = Math.min(track.frames, score.frameCount - track.firstFrame);
      const samples = Math.min(video.sound.samples - track.firstFrame * 640, track.frames * 640);
      const limit = rules.windows === 'reference' && Math.min(frames, samples / 640) >= 6 ? referenceWindows(frames, samples) : Infinity;
      const found = rules.windows === 'reference' && limit === Infinity ? undefined : await face.finish(limit);
      if (found) score.tracks.push(trackScore({ ...track, frames }, found));
      else score.problems.push(`face ${track.id}: too short: ${frames} pictures with sound, fewer than a window of ${recipe.frames} needs`);
    }
    if (rules.perFile === 'mean of tracks' && score.tracks.length > 0) score.mean = meanOfTracks(score.tracks);
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    score.problems.push(`${error.reason}: ${error.detail}`);
  } finally {
    video?.release();
  }
  return score;
}

/** Feeds a scorer with all windows but the last, which the reference's count may leave out. */
class FaceWindows {
  private last?: SyncWindow;
  private given = 0;

  constructor(private readonly scorer: WindowScorer) {}

  async add(window: SyncWindow): Promise<void> {
    if (this.last) {
      await this.scorer.update(this.last);
      this.given++;
    }
    this.last = window;
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

/** One track that shows all of a file: whose pictures are face crops already. */
function wholeFile(durationSec: number | undefined, fps: number): FaceTrack {
  const frames = Math.max(1, Math.ceil((durationSec ?? 0) * fps) + fps); // the pictures end it earlier
  return { id: 0, firstFrame: 0, frames, points: new Float32Array(frames * 136), score: 1, interpolated: 0 };
}

/** Why a protocol does not take a whole file. */
function unlike({ width, height }: { width: number; height: number }, crop: SyncRecipe['crop']): string | undefined {
  if (crop.kind !== 'whole frame' || crop.resize !== 'none' || (width === crop.size && height === crop.size)) return undefined;
  const others = 'the protocols syncnet-pipeline and wav2lip-lrs take other films';
  return `pictures of ${width} x ${height}: the protocol takes face crops of ${crop.size} x ${crop.size} (${others})`;
}

/** Why a protocol does not take a track. */
function unfit(track: FaceTrack, rules: SyncProtocol['tracks']): string | undefined {
  if (!rules) return undefined;
  const seen = track.frames - track.interpolated;
  if (seen <= rules.minFrames) return `too short: seen in ${seen} pictures, the protocol takes more than ${rules.minFrames}`;
  const boxes = faceBoxes(track);
  let [width, height] = [0, 0];
  for (let i = 0; i < boxes.length; i += 4) {
    width += (boxes[i + 2] - boxes[i]) / track.frames;
    height += (boxes[i + 3] - boxes[i + 1]) / track.frames;
  }
  const size = Math.max(width, height);
  return size > rules.minFaceSize ? undefined : `too small: ${Math.round(size)} px, the protocol takes more than ${rules.minFaceSize}`;
}

function trackScore(track: FaceTrack, score: SyncScore): TrackScore {
  const { perWindow, offsetFrames, offsetSec, sentence, atEdge, lseD, lseC, meanDistances, windows } = score;
  return {
    track: track.id,
    firstFrame: track.firstFrame,
    frames: track.frames,
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

/** The same reader, telling how many pictures have come. */
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
  const { both } = reader;
  return {
    probe: (path) => reader.probe(path),
    audio: (path, options) => reader.audio(path, options),
    frames: (path, options) => counted(reader.frames(path, options)),
    ...(both
      ? {
          async both(path, options) {
            const film = await both.call(reader, path, options);
            return { info: film.info, frames: counted(film.frames), audio: film.audio, release: () => film.release() };
          },
        }
      : {}),
  };
}
