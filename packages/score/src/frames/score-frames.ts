import { resample } from '@lipsync/audio-mel';
import {
  AUDIO_SAMPLE_RATE,
  assertWaveform,
  type FaceTrack,
  fail,
  frameShape,
  type SyncRecipe,
  type Waveform,
} from '@lipsync/contracts';
import { type FrameWindow, measureAudio, WindowSampler } from '@lipsync/sync-windows';
import { AudioEmbeddings } from '../embed/audio-embeddings';
import { engineFor } from '../embed/engine';
import { audioProblems } from '../faces/audio-problems';
import type { VideoScore } from '../faces/face-score';
import { openScoring, type Scoring, scoreFaces } from '../faces/score-faces';
import { SpeechFlags } from '../faces/speech-flags';
import { withExpert } from '../load-expert/with-expert';
import { assetFolder } from '../peers/asset-folder';
import { ensureBackend } from '../peers/start-backend';
import { type ScoreOptions, scoreMedia } from '../score-video';
import { collectImages, framesAtRate, type PlainImage, rgbOf } from './images';
import { memoryReader } from './memory-reader';

/** Frames and audio of the same stretch of time. */
export type FramesToScore = {
  /** Whole frames in order, all of one size: the faces in them are found. A stream is read once and kept in memory. */
  frames: AsyncIterable<PlainImage> | Iterable<PlainImage>;
  /** Frames per second. Default 25. */
  fps?: number;
  /** Mono, any sample rate; sample 0 belongs to frame 0. */
  audio: Waveform;
};

/** Crops of one mouth, cut as the expert's recipe says, and audio of the same stretch of time. */
export type MouthsToScore = Omit<FramesToScore, 'frames'> & { mouths: FramesToScore['frames'] };

/**
 * Offset, LSE-D and LSE-C of every face in frames that are in memory; of one face where its mouth is cut already.
 *
 * Frames at another rate than the recipe's are repeated or left out, as ffmpeg does; audio is resampled to 16 kHz. Runs
 * in browsers, too.
 *
 * @param input borrowed; RGB or RGBA images, such as `ImageData`.
 * @returns as `scoreVideo`; `file` is `frames` or `mouths`.
 * @throws TypeError for images of different sizes and for mouths of another size than the recipe's; RangeError for no
 * images.
 * @example
 * const { faces } = await scoreFrames({ frames, fps: 25, audio: { samples, sampleRate: 48000 } });
 * console.log(faces[0].sentence, faces[0].lseD, faces[0].lseC);
 */
export async function scoreFrames(
  input: FramesToScore | MouthsToScore,
  options: ScoreOptions = {},
): Promise<VideoScore> {
  const where = 'scoreFrames';
  const { fps = 25, audio } = input;
  if (!(fps > 0 && Number.isFinite(fps))) fail(RangeError, where, 'fps', 'above 0', fps);
  assertWaveform(where, audio);
  const { log = (line: string) => console.warn(line) } = options;
  const engine = engineFor(options);
  return withExpert({ ...options, engine, log }, async (expert) => {
    const scoring = await openScoring(expert, options);
    await ensureBackend(log, assetFolder(options.assetsUrl));
    if ('mouths' in input) {
      const mouths = await collectImages(where, input.mouths);
      return scoreMouths(mouths, { fps, audio, onWindow: options.onWindow }, scoring);
    }
    const frames = await collectImages(where, input.frames);
    return scoreMedia('frames', memoryReader(frames, { fps, audio }), scoring, { ...options, engine });
  });
}

async function scoreMouths(
  mouths: readonly PlainImage[],
  { fps, audio, onWindow }: { fps: number; audio: Waveform } & Pick<ScoreOptions, 'onWindow'>,
  scoring: Scoring,
): Promise<VideoScore> {
  const { embedder, protocol, batchSize } = scoring;
  const { recipe } = protocol;
  const [{ width, height }] = mouths;
  const shape = frameShape(recipe.crop);
  if (width !== shape.width || height !== shape.height)
    fail(TypeError, 'scoreFrames', 'mouths', `${shape.width} x ${shape.height} pixels`, `${width} x ${height}`);
  const shown = framesAtRate(mouths.length, fps, recipe.fps);
  const points = new Float32Array(136 * shown.length);
  const track: FaceTrack = { id: 0, firstFrame: 0, frameCount: shown.length, points, score: 1, interpolated: 0 };
  const resampled = audio.sampleRate === AUDIO_SAMPLE_RATE ? audio : resample(audio, AUDIO_SAMPLE_RATE);
  const level = await measureAudio(once(resampled));
  const speech = new SpeechFlags(recipe.fps);
  const open = () => speech.pass(once(resampled));
  const embeddings = new AudioEmbeddings(embedder, open, { batchSize, loudness: { level } });
  const frameCount = shown.length;
  const score: VideoScore = {
    file: 'mouths',
    fps: recipe.fps,
    frameCount,
    faces: [],
    problems: audioProblems(level, recipe),
    notes: [],
    protocol,
  };
  try {
    const faces = {
      tracks: [track],
      windows: mouthWindows(
        shown.map((index) => mouths[index]),
        track,
        recipe,
      ),
      audioOf: () => ({ audio: embeddings, speech, firstFrame: 0 }),
      extent: () => ({ frameCount, samples: resampled.samples.length }),
      onWindow,
    };
    await scoreFaces(faces, scoring, score);
  } finally {
    await embeddings.close();
  }
  return score;
}

async function* mouthWindows(
  mouths: readonly PlainImage[],
  track: FaceTrack,
  recipe: SyncRecipe,
): AsyncGenerator<FrameWindow> {
  const sampler = new WindowSampler('recipe', recipe);
  for (const [index, mouth] of mouths.entries()) {
    const frames = sampler.push(rgbOf(mouth));
    if (frames) yield { track, startFrame: index - recipe.frameCount + 1, frames };
  }
}

async function* once<A>(item: A): AsyncGenerator<A> {
  yield item;
}
