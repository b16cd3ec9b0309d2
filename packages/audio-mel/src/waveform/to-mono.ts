import type { Waveform } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/**
 * The mean of all channels, as librosa's `to_mono`: `samples[n] = sum over c of channels[c][n] / C`.
 *
 * @returns float32 samples; one channel is returned without a copy, several as a new array.
 * @throws TypeError if there is no channel or their lengths differ.
 * @example
 * import { readWav, toMono } from '@lipsync/audio-mel';
 * const waveform = toMono(readWav(bytes));
 */
export function toMono(audio: { sampleRate: number; channels: readonly Float32Array[] }): Waveform {
  const { sampleRate, channels } = audio;
  const where = 'toMono';
  if (!Array.isArray(channels) || channels.length === 0) {
    fail(TypeError, where, 'channels', 'at least one Float32Array', channels?.length);
  }
  const lengths = channels.map((channel) => channel.length);
  if (lengths.some((length) => length !== lengths[0])) fail(TypeError, where, 'channels', 'of one length', lengths);
  if (channels.length === 1) return { samples: channels[0], sampleRate };
  const sum = new Float64Array(lengths[0]);
  for (const channel of channels) for (let n = 0; n < sum.length; n++) sum[n] += channel[n];
  return { samples: Float32Array.from(sum, (value) => value / channels.length), sampleRate };
}
