import type { Features, MelWindow } from '@lipsync/contracts';
import { assertFeatures, fail, stepsBefore } from '@lipsync/contracts';

/** Where the audio of a video frame is looked for. */
export type MelWindowTiming = {
  /** Video frames a second. Default 25. */
  fps?: number;
  /** Mel steps a second: sample rate / hop. Default 80. */
  stepsPerSecond?: number;
};

/**
 * First mel step of the window of a video frame: `floor(stepsPerSecond * frame / fps)`, by default `floor(3.2 frame)`.
 *
 * Computed exactly for whole rates. The three ways in which Python programs write it, `int(80 * frame / 25)`,
 * `int(3.2 * frame)` and `int(80 * (frame / 25))`, all give the same for every frame up to 1e6.
 *
 * @throws RangeError for a frame that is not a whole number from 0 on, or a rate that is not above 0.
 * @example
 * melWindowStart(7); // 22
 */
export function melWindowStart(frame: number, { fps = 25, stepsPerSecond = 80 }: MelWindowTiming = {}): number {
  const where = 'melWindowStart';
  if (!(Number.isSafeInteger(frame) && frame >= 0)) fail(RangeError, where, 'frame', 'a whole number from 0 on', frame);
  if (!(fps > 0 && Number.isFinite(fps))) fail(RangeError, where, 'fps', 'above 0', fps);
  if (!(stepsPerSecond > 0 && Number.isFinite(stepsPerSecond))) {
    fail(RangeError, where, 'stepsPerSecond', 'above 0', stepsPerSecond);
  }
  return stepsBefore(frame, { fps, stepsPerSecond });
}

/**
 * The piece of a mel spectrogram that belongs to the video frames from `frame` on.
 *
 * @returns `[melSteps, bins]`, a view on the memory of `mel`; undefined where it would reach past the end.
 * @throws RangeError as `melWindowStart`, or if `melSteps` is not a whole number above 0.
 * @example
 * const window = melWindow(mel, 7, { melSteps: melSteps(5) }); // steps 22..37
 */
export function melWindow(
  mel: Features,
  frame: number,
  { melSteps: steps, ...timing }: MelWindowTiming & { /** Steps in the window. */ melSteps: number },
): MelWindow | undefined {
  assertFeatures('melWindow', mel);
  if (!(Number.isSafeInteger(steps) && steps > 0)) {
    fail(RangeError, 'melWindow', 'melSteps', 'a whole number above 0', steps);
  }
  const startStep = melWindowStart(frame, timing);
  if (startStep + steps > mel.steps) return undefined;
  const data = mel.data.subarray(startStep * mel.bins, (startStep + steps) * mel.bins);
  return { data, steps, bins: mel.bins, startStep };
}
