import type { Waveform } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/** Length and loudness of an audio track. */
export type AudioLevel = {
  samples: number;
  sampleRate: number;
  /** Largest absolute sample, full scale 1. */
  peak: number;
};

/**
 * Measures an audio track piece by piece, in constant memory.
 *
 * @throws RangeError for a sample that is not finite, and for a change of the sample rate.
 * @example
 * const { peak } = await measureAudio(reader.audio('talk.mp4'));
 */
export async function measureAudio(pieces: AsyncIterable<Waveform>): Promise<AudioLevel> {
  const level: AudioLevel = { samples: 0, sampleRate: 0, peak: 0 };
  for await (const { samples, sampleRate } of pieces) {
    if (level.sampleRate !== 0 && sampleRate !== level.sampleRate) {
      fail(RangeError, 'measureAudio', 'piece.sampleRate', `${level.sampleRate}, as before`, sampleRate);
    }
    level.sampleRate = sampleRate;
    for (const value of samples) {
      if (!Number.isFinite(value))
        fail(RangeError, 'measureAudio', 'samples', 'finite', `${value} at sample ${level.samples}`);
      level.samples++;
      if (Math.abs(value) > level.peak) level.peak = Math.abs(value);
    }
  }
  return level;
}
