import { fail } from '@lipsync/contracts';

/** Sizes and choices of a Wav2Lip generator. */
export type Wav2LipConfig = {
  /** Share of the published channels; 1 loads the published files. */
  width: number;
  /** Pixels on a side of the images in the network, a multiple of 32; 96 published. Others are stretched to it and back. */
  size: number;
  /**
   * Where the mel window of a frame begins. `as trained`: one frame before it, as in the source's training.
   * `as published`: with the frame, as in the source's inference, which differs from its training by that frame.
   */
  audioWindow: 'as trained' | 'as published';
};

/** The published network, 36,298,035 parameters; with the mel windows of its training. */
export const WAV2LIP: Wav2LipConfig = Object.freeze({ width: 1, size: 96, audioWindow: 'as trained' });

/** A quarter of the channels, 2.3 M parameters: trains on two CPU cores. */
export const LITE_WAV2LIP: Wav2LipConfig = Object.freeze({ ...WAV2LIP, width: 0.25 });

/** Refuses a configuration that is not complete; use on what comes from a file. Returns it typed. */
export function assertWav2LipConfig(where: string, value: unknown): Wav2LipConfig {
  const config = value as Wav2LipConfig;
  if (typeof config !== 'object' || config === null) fail(TypeError, where, 'config', 'an object', value);
  const { width, size, audioWindow } = config;
  assertWidth(where, width, 'config.width');
  assertSize(where, 'config.size', size);
  if (audioWindow !== 'as trained' && audioWindow !== 'as published')
    fail(TypeError, where, 'config.audioWindow', '"as trained" or "as published"', audioWindow);
  return config;
}

/** Refuses a side of images that five halvings do not divide. */
export function assertSize(where: string, name: string, size: unknown): void {
  if (!(Number.isInteger(size) && (size as number) > 0 && (size as number) % 32 === 0))
    fail(RangeError, where, name, 'a multiple of 32 pixels', size);
}

/** Refuses a share of channels that is not a number above 0. */
export function assertWidth(where: string, width: unknown, name = 'width'): void {
  if (!((width as number) > 0 && Number.isFinite(width))) fail(RangeError, where, name, 'a number above 0', width);
}
