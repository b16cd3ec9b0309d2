import { writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { encodeVideo } from '@lipsync/media';
import { articulation } from './articulation';
import { type FaceState, landmarks } from './face-geometry';
import { FacePainter } from './face-painter';
import { headMotion } from './head-motion';
import { person } from './person';
import { voice } from './voice';

/** Frames per second of everything that is drawn here. */
export const FPS = 25;
// Speech before and after the shown frames, so that shifted audio is speech to its ends.
const MARGIN_FRAMES = 25;

export type TalkingFaceOptions = {
  /** Seeds what is said and how the head moves. */
  seed: number;
  /** Seeds who says it. */
  personSeed: number;
  /** Seconds, rounded to whole frames. */
  durationSec: number;
  /**
   * Delay of the audio in frames; negative: earlier. -25..25, default 0. A sync network reads
   * the offset (positive: the audio leads) as minus this. The frames are the same for every delay.
   */
  audioDelayFrames?: number;
  /** Side of the square frame in pixels, a multiple of 4. Default 256. */
  size?: number;
  /** Also write the points that the drawing was made from: `<path without ending>.landmarks.json`. Default false. */
  writeLandmarks?: boolean;
  /** Path of ffmpeg. Default: the one that `@lipsync/media` finds. */
  ffmpegPath?: string;
  /** A painter of the same person and size, to save its setup. */
  painter?: FacePainter;
};

/** Exact landmarks of a clip. */
export type LandmarkFile = {
  scheme: 'ibug68';
  /** A list of x0, y0, x1, y1 … a frame: pixels, pixel centres at +0.5. */
  frames: number[][];
};

/**
 * Writes one drawn talking face with its voice to an mp4 file.
 *
 * Frame k shows the mouth at `(k + 0.5) / 25` s, the middle of the time that it is shown, so frames
 * `k … k + T - 1` and the audio from `k / 25` to `(k + T) / 25` have the same middle. The audio is 640 samples a frame.
 *
 * @param path ends in .mp4; replaced if it exists; it appears only when complete.
 * @returns the known landmarks, also where no landmark file is written.
 * @throws RangeError for a length under one frame or a delay outside -25..25; Error without ffmpeg.
 * @example
 * await writeTalkingFace('late.mp4', { seed: 1, personSeed: 3, durationSec: 3, audioDelayFrames: 4 }); // offset -4
 */
export async function writeTalkingFace(path: string, options: TalkingFaceOptions): Promise<LandmarkFile> {
  const {
    seed,
    personSeed,
    durationSec,
    audioDelayFrames = 0,
    size = 256,
    writeLandmarks = false,
    ffmpegPath,
  } = options;
  const frameCount = Math.round(durationSec * FPS);
  if (!(frameCount >= 1))
    fail(RangeError, 'writeTalkingFace', 'options.durationSec', `at least ${1 / FPS}`, durationSec);
  if (!(Number.isInteger(audioDelayFrames) && Math.abs(audioDelayFrames) <= MARGIN_FRAMES)) {
    const rule = `a whole number from -${MARGIN_FRAMES} to ${MARGIN_FRAMES}`;
    fail(RangeError, 'writeTalkingFace', 'options.audioDelayFrames', rule, audioDelayFrames);
  }
  const painter = options.painter ?? new FacePainter(person(personSeed), size);
  if (painter.who.seed !== personSeed || painter.size !== size) {
    const rule = `for person ${personSeed} at ${size} pixels`;
    fail(TypeError, 'writeTalkingFace', 'options.painter', rule, `person ${painter.who.seed} at ${painter.size}`);
  }

  const track = articulation(seed, (frameCount + 2 * MARGIN_FRAMES) / FPS);
  const motion = headMotion(painter.who, seed, size);
  const startSec = (MARGIN_FRAMES - audioDelayFrames) / FPS;
  const audio = voice(painter.who, track, { seed, startSec, durationSec: frameCount / FPS });
  const points: LandmarkFile = { scheme: 'ibug68', frames: [] };
  const writer = encodeVideo(path, { width: size, height: size, fps: FPS, audio, ffmpegPath });
  try {
    for (let frame = 0; frame < frameCount; frame++) {
      const timeSec = (frame + 0.5) / FPS;
      const state: FaceState = { mouth: track.at(MARGIN_FRAMES / FPS + timeSec), pose: motion(timeSec) };
      // Hundredths of a pixel, so that what is returned is what a file holds.
      points.frames.push(Array.from(landmarks(painter.who, state), (value) => Math.round(value * 100) / 100));
      await writer.write(painter.draw(state, frame));
    }
    if (writeLandmarks) await writeFileAtomic(landmarkPath(path), JSON.stringify(points));
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return points;
}

/** Where the landmark file of a clip lies: `a/b.mp4` -> `a/b.landmarks.json`. */
export function landmarkPath(path: string): string {
  return `${path.replace(/\.[^./\\]+$/, '')}.landmarks.json`;
}
