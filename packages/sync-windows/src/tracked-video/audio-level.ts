import { SpeechLevelMeter } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE, fail, type Waveform } from '@lipsync/contracts';

/** Length and loudness of an audio track. */
export type AudioLevel = {
  samples: number;
  sampleRate: number;
  /** Largest absolute sample, full scale 1. */
  peak: number;
  /** Share of samples at full scale, 0..1. */
  clippedShare: number;
  /** Level of the speech by `speechLevel`, dB of full scale; missing for silence, and where the rate is not 16 kHz. */
  speechDb?: number;
};

const FULL_SCALE = 0.999;

/**
 * Measures an audio track piece by piece, in constant memory.
 *
 * @throws RangeError for a sample that is not finite, and for a change of the sample rate.
 * @example
 * const { peak } = await measureAudio(reader.audio('talk.mp4'));
 */
export async function measureAudio(pieces: AsyncIterable<Waveform>): Promise<AudioLevel> {
  const level: AudioLevel = { samples: 0, sampleRate: 0, peak: 0, clippedShare: 0 };
  const meter = new SpeechLevelMeter();
  let clipped = 0;
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
      if (value >= FULL_SCALE || value <= -FULL_SCALE) clipped++;
    }
    if (sampleRate === AUDIO_SAMPLE_RATE) meter.push(samples);
  }
  if (level.samples > 0) level.clippedShare = clipped / level.samples;
  const { levelDb } = meter;
  return levelDb === undefined ? level : { ...level, speechDb: levelDb };
}
