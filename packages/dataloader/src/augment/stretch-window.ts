import type { Features } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/** A window at another speed: which frames and feature steps of the clip it is made from. */
export type StretchedWindow = {
  /** First frame that is needed. */
  firstFrame: number;
  /** Frames that are needed, from `firstFrame` on. */
  frameCount: number;
  /** Where each frame of the window lies, frames of the clip from `firstFrame` on. */
  framePositions: Float64Array;
  /** Where each feature step of the window lies, steps of the clip. */
  stepPositions: Float64Array;
};

export type StretchOptions = {
  /** Seconds of the clip in a second of the window, 0.5..2: above 1 the speech is faster. */
  speed: number;
  /** First frame, and first feature step, of the window at speed 1. */
  frameStart: number;
  stepStart: number;
  /** Frames and feature steps in a window. */
  frameCount: number;
  featureSteps: number;
  /** Feature steps in a frame. */
  stepsPerFrame: number;
  /** Frames and feature steps in the clip. */
  clipFrames: number;
  clipSteps: number;
};

/**
 * Plans a window of frames and features whose speed is changed about the same moment, so that both stay in sync.
 *
 * With `c = (frameCount - 1) / 2`, frame `i` shows the clip at `frameStart + c + (i - c) · speed`, step `j` at
 * `stepStart + c · stepsPerFrame + (j - c · stepsPerFrame) · speed`. Where that would leave the clip, the speed is
 * brought nearer to 1.
 *
 * @throws RangeError for a speed outside 0.5..2.
 */
export function planStretch(options: StretchOptions): StretchedWindow {
  const { speed, frameStart, stepStart, frameCount, featureSteps, stepsPerFrame, clipFrames, clipSteps } = options;
  if (!(speed >= 0.5 && speed <= 2)) fail(RangeError, 'planStretch', 'speed', '0.5 to 2', speed);
  const frameCentre = (frameCount - 1) / 2;
  const stepCentre = frameCentre * stepsPerFrame;
  const room = Math.min(
    (frameStart + frameCentre) / frameCentre,
    (clipFrames - 1 - frameStart - frameCentre) / frameCentre,
    (stepStart + stepCentre) / stepCentre,
    (clipSteps - 1 - stepStart - stepCentre) / (featureSteps - 1 - stepCentre),
  );
  const factor = Math.min(speed, Math.max(1, room));
  const at = (start: number, centre: number, i: number) => start + centre + (i - centre) * factor;
  const frames = Float64Array.from({ length: frameCount }, (_, i) => at(frameStart, frameCentre, i));
  const firstFrame = Math.floor(frames[0]);
  return {
    firstFrame,
    frameCount: Math.ceil(frames[frameCount - 1]) + 1 - firstFrame,
    framePositions: frames.map((position) => position - firstFrame),
    stepPositions: Float64Array.from({ length: featureSteps }, (_, j) => at(stepStart, stepCentre, j)),
  };
}

/**
 * Frames between frames: each a blend of its two neighbours.
 *
 * @param frames `[count, bytes]`, values 0..255.
 * @param bytes of a frame.
 * @param positions frames from the first one on, fractions included; those beyond the last repeat it.
 * @returns `[positions, bytes]`, a new array.
 */
export function blendFrames(frames: Uint8Array, bytes: number, positions: Float64Array): Uint8Array {
  const out = new Uint8Array(positions.length * bytes);
  const last = frames.length / bytes - 1;
  for (let i = 0; i < positions.length; i++) {
    const low = Math.min(last, Math.floor(positions[i]));
    const part = positions[i] - low;
    const from = low * bytes;
    const to = i * bytes;
    if (part < 1e-6 || low === last) {
      out.set(frames.subarray(from, from + bytes), to);
      continue;
    }
    const weight = Math.round(part * 256);
    for (let k = 0; k < bytes; k++) {
      const value = frames[from + k];
      out[to + k] = value + (((frames[from + bytes + k] - value) * weight + 128) >> 8);
    }
  }
  return out;
}

/**
 * Feature steps between steps, linear.
 *
 * @param shift added to all positions; those beyond the clip repeat its end.
 * @returns `[positions, bins]`, a new array.
 */
export function blendSteps({ data, bins, steps }: Features, positions: Float64Array, shift = 0): Features {
  const out = new Float32Array(positions.length * bins);
  for (let j = 0; j < positions.length; j++) {
    const position = Math.min(steps - 1, Math.max(0, positions[j] + shift));
    const low = Math.min(Math.max(0, steps - 2), Math.floor(position));
    const part = position - low;
    const [from, next] = [low * bins, Math.min(steps - 1, low + 1) * bins];
    for (let bin = 0; bin < bins; bin++) out[j * bins + bin] = (1 - part) * data[from + bin] + part * data[next + bin];
  }
  return { data: out, bins, steps: positions.length };
}
