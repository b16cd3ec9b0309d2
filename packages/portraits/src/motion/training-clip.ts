import { lspMel } from '@lipsync/audio-mel';
import { assertWaveform, type Features, fail, type Waveform } from '@lipsync/contracts';
import { FACE_PARTS, FACE_POINTS } from '../edge-map/face-lines';
import type { PortraitTrack } from '../tracker/portrait-track';

/** Video frames a second of the motion networks. */
const MOTION_FPS = 60;
const FACE_VALUES = 3 * FACE_POINTS;

/** What the motion networks learn from: a tracked video at 60 frames a second, with its audio. */
export type TrainingClip = {
  /** Frames, 60 a second. */
  frameCount: number;
  /** `[2 · frameCount, 80]`, of `lspMel`. */
  mel: Features;
  /** `[frameCount, 73, 3]`, as the track's. */
  faces: Float32Array;
  /** `[frameCount, 12]`: the track's six values, and how much each changes from the frame before (0 in the first). */
  poses: Float32Array;
};

/**
 * A tracked video as the motion networks take it: faces and poses on straight lines between its frames at 60 frames a
 * second, beside the mel steps of the same times. Frame `t` of the video stands at `t / fps` seconds of the audio.
 *
 * @param track of `trackPortrait`; borrowed. It may begin and end within the video.
 * @param waveform the video's whole audio, 16 kHz; borrowed.
 * @param options.fps frames a second of the video.
 * @returns as many frames as both the track and the audio have; arrays are the caller's.
 * @throws RangeError for another sample rate, samples that are not finite, or a track without a frame in the audio.
 * @example
 * import { type PortraitTrack, trainingClip } from '@lipsync/portraits';
 * declare const track: PortraitTrack;
 * const clip = trainingClip(track, { samples: new Float32Array(48000), sampleRate: 16000 }, { fps: 25 });
 */
export function trainingClip(track: PortraitTrack, waveform: Waveform, { fps }: { fps: number }): TrainingClip {
  const where = 'trainingClip';
  if (!(fps > 0 && Number.isFinite(fps))) fail(RangeError, where, 'options.fps', 'above 0', fps);
  assertWaveform(where, waveform);
  const mel = lspMel(waveform);
  const first = Math.ceil((track.firstFrame * MOTION_FPS) / fps);
  // rounding may put the last frame a little behind itself
  const tracked = Math.floor(((track.firstFrame + track.frameCount - 1) * MOTION_FPS) / fps + 1e-9);
  const end = Math.min(tracked + 1, mel.steps / 2);
  if (end <= first)
    fail(RangeError, where, 'track', `of frames within the audio (${mel.steps / 2} of 1/60 s)`, `frame ${first} on`);
  const frameCount = end - first;
  const places = Float64Array.from({ length: frameCount }, (_, i) => {
    return Math.min(track.frameCount - 1, Math.max(0, ((first + i) * fps) / MOTION_FPS - track.firstFrame));
  });
  const poses = between(track.poses, 6, places);
  const moving = new Float32Array(12 * frameCount);
  for (let frame = 0; frame < frameCount; frame++) {
    for (let k = 0; k < 6; k++) {
      const value = poses[6 * frame + k];
      moving[12 * frame + k] = value;
      moving[12 * frame + 6 + k] = frame === 0 ? 0 : value - poses[6 * (frame - 1) + k];
    }
  }
  const data = mel.data.slice(2 * first * mel.bins, 2 * end * mel.bins);
  return {
    frameCount,
    mel: { data, steps: 2 * frameCount, bins: mel.bins },
    faces: between(track.faces, FACE_VALUES, places),
    poses: moving,
  };
}

/** Rows of `size` values at places between them, on straight lines. */
function between(data: Float32Array, size: number, places: Float64Array): Float32Array {
  const out = new Float32Array(places.length * size);
  const last = data.length / size - 1;
  for (const [row, place] of places.entries()) {
    const low = Math.min(last, Math.floor(place));
    const high = Math.min(last, low + 1);
    for (let k = 0; k < size; k++) {
      const [from, to] = [data[low * size + k], data[high * size + k]];
      out[row * size + k] = from + (place - low) * (to - from);
    }
  }
  return out;
}

/**
 * What the mouth network learns: the seven points of the jaw and the eighteen of the mouth, less those of a mean face.
 * `facesFromMouth` is the way back.
 *
 * @param faces `[frameCount, 73, 3]`, borrowed.
 * @param mean face `[73, 3]`, such as the mean over the person's training clips; borrowed.
 * @returns float32 `[frameCount, 25, 3]`; the caller's.
 * @throws TypeError for arrays of other lengths.
 * @example
 * import { mouthDisplacements } from '@lipsync/portraits';
 * const displacements = mouthDisplacements(new Float32Array(60 * 219), new Float32Array(219)); // 60 frames of 75
 */
export function mouthDisplacements(faces: Float32Array, mean: ArrayLike<number>): Float32Array {
  const where = 'mouthDisplacements';
  if (mean.length !== FACE_VALUES) fail(TypeError, where, 'mean', `of ${FACE_VALUES} values`, mean.length);
  if (faces.length % FACE_VALUES !== 0)
    fail(TypeError, where, 'faces', `of a multiple of ${FACE_VALUES} values`, faces.length);
  const points = FACE_PARTS.mouthAndJaw;
  const out = new Float32Array((faces.length / FACE_VALUES) * points.length * 3);
  let at = 0;
  for (let face = 0; face < faces.length; face += FACE_VALUES) {
    for (const point of points) {
      for (let k = 3 * point; k < 3 * point + 3; k++) out[at++] = faces[face + k] - mean[k];
    }
  }
  return out;
}
