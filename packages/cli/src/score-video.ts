import type { FaceTrack, LandmarkDetector, MediaReader, SyncExpert, SyncRecipe } from '@lipsync/contracts';
import { streamSyncWindows } from '@lipsync/dataloader';
import { collectTracks } from '@lipsync/face-crop';
import { scoreWindows, type SyncScore, type SyncScorerOptions } from '@lipsync/metrics';

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
  space: 'unit' | 'euclidean';
  maxShift: number;
  outside: 'zero' | 'overlap';
};

export type ScoreOptions = Pick<SyncScorerOptions, 'maxShift' | 'outside'>;

/** The protocol that `scoreVideo` follows with these options. */
export function scoreProtocol(expert: SyncExpert, options: ScoreOptions = {}): ScoreProtocol {
  const { maxShift = 15, outside = 'zero' } = options;
  const { name, weightsHash, recipe, space } = expert;
  return { expert: name, ...(weightsHash === undefined ? {} : { weightsHash }), recipe, space, maxShift, outside };
}

/**
 * Offset, LSE-D and LSE-C of every face in a video.
 *
 * Decodes the pictures once to follow the faces, and once more a face to cut its mouth; memory does not grow with the
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
  const { expert, reader, detector, maxShift, outside } = parts;
  const { recipe } = expert;
  const score: VideoScore = { file: path, fps: recipe.fps, frameCount: 0, tracks: [], problems: [] };
  let tracks: FaceTrack[];
  try {
    const info = await reader.probe(path);
    if (!info.video) return { ...score, problems: ['no picture'] };
    if (!info.audio) return { ...score, problems: ['no sound'] };
    const frames = reader.frames(path, { fps: recipe.fps });
    detector.reset();
    tracks = await collectTracks(counted(frames, (count) => (score.frameCount = count)), detector, { minFrames: recipe.frames });
  } catch (error) {
    return { ...score, problems: [`broken: ${(error as Error).message}`] };
  }
  if (tracks.length === 0) score.problems.push('no face');
  for (const track of tracks) {
    try {
      const windows = streamSyncWindows({ path, reader, track, recipe });
      const { expert: _name, space: _space, outside: _outside, fps: _fps, perWindow, ...rest } = await scoreWindows(expert, windows, { maxShift, outside });
      score.tracks.push({
        track: track.id,
        firstFrame: track.firstFrame,
        frames: track.frames,
        detectionScore: track.score,
        ...rest,
        perWindow: { distances: [...perWindow.distances], confidences: [...perWindow.confidences] },
      });
    } catch (error) {
      score.problems.push(`face ${track.id}: ${(error as Error).message}`);
    }
  }
  return score;
}

async function* counted<T>(items: AsyncIterable<T>, count: (done: number) => void): AsyncGenerator<T> {
  let done = 0;
  for await (const item of items) {
    yield item;
    count(++done);
  }
}
