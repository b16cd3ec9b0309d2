import type { FaceTrack, LandmarkDetector, MediaReader, SyncExpert, SyncRecipe } from '@lipsync/contracts';
import { UnusableVideo, openTrackedVideo, streamSyncWindows, type TrackedVideo } from '@lipsync/dataloader';
import type { CollectTracksOptions } from '@lipsync/face-crop';
import { WindowScorer, type SyncScore, type SyncScorerOptions } from '@lipsync/metrics';

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
  /** Why there is no score, or which faces could not be scored. */
  problems: string[];
};

/** What a score is worth nothing without. */
export type ScoreProtocol = {
  expert: string;
  /** SHA-256 of the weights file. */
  weightsHash?: string;
  recipe: SyncRecipe;
  space: SyncExpert['space'];
  maxShift: number;
  outside: 'zero' | 'overlap';
};

export type ScoreOptions = Pick<SyncScorerOptions, 'maxShift' | 'outside'> & {
  /** How detections become tracks. */
  collect?: CollectTracksOptions;
};

/** The protocol that `scoreVideo` follows with these options. */
export function scoreProtocol(expert: SyncExpert, options: ScoreOptions = {}): ScoreProtocol {
  const { maxShift = 15, outside = 'zero' } = options;
  const { name, weightsHash, recipe, space } = expert;
  return { expert: name, ...(weightsHash === undefined ? {} : { weightsHash }), recipe, space, maxShift, outside };
}

/**
 * Offset, LSE-D and LSE-C of every face in a video.
 *
 * Looks at the pictures once to follow the faces and once more to cut the mouths; memory does not grow with the
 * length of the video, apart from the landmarks (0.5 kB a picture) and the distances (124 bytes a window).
 *
 * @returns a score a track that is long enough; a broken, silent or faceless video has none, and `problems` says why.
 * @example
 * const { tracks } = await scoreVideo('talk.mp4', { expert, reader: await openMedia(), detector });
 * console.log(tracks[0].sentence); // audio is 3 frames (120 ms) early
 */
export async function scoreVideo(
  path: string,
  parts: { expert: SyncExpert; reader: MediaReader; detector: LandmarkDetector } & ScoreOptions,
): Promise<VideoScore> {
  const { expert, reader, detector, collect, maxShift, outside } = parts;
  const { recipe } = expert;
  const score: VideoScore = { file: path, fps: recipe.fps, frameCount: 0, tracks: [], problems: [] };
  let video: TrackedVideo | undefined;
  try {
    video = await openTrackedVideo({
      path,
      reader: counting(reader, (count) => (score.frameCount = count)),
      detector,
      collect,
      fps: recipe.fps,
    });
    const scorers = new Map(video.tracks.map((track) => [track, new WindowScorer(expert, { maxShift, outside })]));
    const scored = new Set<FaceTrack>();
    for await (const window of streamSyncWindows(video, { recipe })) {
      await scorers.get(window.track)?.update(window);
      scored.add(window.track);
    }
    for (const [track, scorer] of scorers) {
      if (scored.has(track)) score.tracks.push(trackScore(track, await scorer.compute()));
      else
        score.problems.push(
          `face ${track.id}: too short: ${track.frames} pictures with sound, fewer than a window of ${recipe.frames}`,
        );
    }
  } catch (error) {
    if (!(error instanceof UnusableVideo)) throw error;
    score.problems.push(`${error.reason}: ${error.detail}`);
  } finally {
    video?.release();
  }
  return score;
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
  return {
    probe: (path) => reader.probe(path),
    audio: (path, options) => reader.audio(path, options),
    frames(path, options) {
      const frames = reader.frames(path, options);
      return {
        fps: frames.fps,
        async *[Symbol.asyncIterator]() {
          let count = 0;
          for await (const frame of frames) {
            tell(++count);
            yield frame;
          }
        },
      };
    },
  };
}
