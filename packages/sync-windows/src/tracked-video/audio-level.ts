import type { Waveform } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/** How loud an audio track is, in blocks. */
export type AudioLevel = {
  samples: number;
  sampleRate: number;
  /** Largest absolute sample, full scale 1. */
  peak: number;
  /** The same of each block. */
  blockPeaks: Float32Array;
  /** Length of a block. */
  blockSec: number;
};

const BLOCKS_PER_SECOND = 5;

/**
 * Measures an audio track that comes in pieces; keeps five numbers a second.
 *
 * @throws RangeError for a sample that is not finite.
 * @example
 * const { peak } = await measureAudio(reader.audio('talk.mp4'));
 */
export async function measureAudio(pieces: AsyncIterable<Waveform>): Promise<AudioLevel> {
  const peaks: number[] = [];
  let samples = 0;
  let sampleRate = 0;
  for await (const piece of pieces) {
    if (sampleRate !== 0 && piece.sampleRate !== sampleRate) {
      fail(RangeError, 'measureAudio', 'piece.sampleRate', `${sampleRate}, as before`, piece.sampleRate);
    }
    sampleRate = piece.sampleRate;
    const block = sampleRate / BLOCKS_PER_SECOND;
    for (const value of piece.samples) {
      if (!Number.isFinite(value))
        fail(RangeError, 'measureAudio', 'samples', 'finite', `${value} at sample ${samples}`);
      const index = Math.floor(samples++ / block);
      peaks[index] = Math.max(peaks[index] ?? 0, Math.abs(value));
    }
  }
  const peak = peaks.reduce((most, value) => Math.max(most, value), 0);
  return { samples, sampleRate, peak, blockPeaks: Float32Array.from(peaks), blockSec: 1 / BLOCKS_PER_SECOND };
}

/** Largest absolute sample of the blocks that touch `[fromSec, toSec)`; 0 beyond the end. */
export function peakBetween(level: AudioLevel, fromSec: number, toSec: number): number {
  const last = Math.min(level.blockPeaks.length, Math.ceil(toSec / level.blockSec - 1e-9));
  let peak = 0;
  for (let i = Math.max(0, Math.floor(fromSec / level.blockSec + 1e-9)); i < last; i++)
    peak = Math.max(peak, level.blockPeaks[i]);
  return peak;
}
