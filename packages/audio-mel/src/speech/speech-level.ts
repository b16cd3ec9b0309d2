import { AUDIO_SAMPLE_RATE, assertWaveform, fail, type Waveform } from '@lipsync/contracts';

/** Length of the blocks whose power is measured, in seconds. */
export const BLOCK_SEC = 0.1;
const LOWEST_HZ = 100; // rumble and direct current lie below, speech above
const LOUD_SHARE = 0.9; // loud speech: the 90th percentile of the blocks
const RANGE = 10 ** -1.5; // pauses are more than 15 dB below it
const MOST = 10 ** 0.6; // a knock counts as 6 dB above it
const LEAST_POWER = 10 ** -8.5; // -85 dB of full scale: the noise of 16 bits lies at -98 dB

/**
 * The level of the speech in audio that comes in pieces, of any length: the value does not depend on how it is cut.
 * Keeps one number for every 100 ms.
 *
 * @example
 * const meter = new SpeechLevelMeter();
 * for await (const { samples } of reader.audio('talk.mp4')) meter.push(samples);
 * meter.levelDb; // -26.3
 */
export class SpeechLevelMeter {
  readonly #most: number;
  readonly #block: number; // samples
  #powers: number[] = [];
  // One-pole high pass: y[n] = a (y[n - 1] + x[n] - x[n - 1]).
  readonly #pole: number;
  #x?: number; // from the first sample on, so that direct current does not begin with a step
  #y = 0;
  #sum = 0;
  #count = 0;

  /**
   * @param options.windowSec only the last so many seconds count, in constant memory. Default: all.
   * @param options.sampleRate samples per second. Default 16000.
   */
  constructor({
    windowSec = Number.POSITIVE_INFINITY,
    sampleRate = AUDIO_SAMPLE_RATE,
  }: { windowSec?: number; sampleRate?: number } = {}) {
    if (!(windowSec >= BLOCK_SEC))
      fail(RangeError, 'SpeechLevelMeter', 'options.windowSec', `at least ${BLOCK_SEC}`, windowSec);
    this.#most = Math.round(windowSec / BLOCK_SEC);
    this.#block = Math.round(sampleRate * BLOCK_SEC);
    this.#pole = Math.exp((-2 * Math.PI * LOWEST_HZ) / sampleRate);
  }

  /** Takes the next samples, mono. */
  push(samples: Float32Array): void {
    const [pole, block] = [this.#pole, this.#block];
    let [x, y, sum, count] = [this.#x ?? samples[0] ?? 0, this.#y, this.#sum, this.#count];
    for (let i = 0; i < samples.length; i++) {
      const value = samples[i];
      y = pole * (y + value - x);
      x = value;
      sum += y * y;
      if (++count < block) continue;
      this.#powers.push(sum / block);
      if (this.#powers.length > this.#most) this.#powers.shift();
      sum = 0;
      count = 0;
    }
    if (samples.length > 0) [this.#x, this.#y, this.#sum, this.#count] = [x, y, sum, count];
  }

  /** dB of full scale; undefined where nothing is louder than -85 dB. A last piece of a block counts only alone. */
  get levelDb(): number | undefined {
    const powers = this.#powers.length > 0 || this.#count === 0 ? this.#powers : [this.#sum / this.#count];
    if (powers.length === 0) return undefined;
    const loud = Float64Array.from(powers).sort()[Math.min(powers.length - 1, Math.floor(LOUD_SHARE * powers.length))];
    let sum = 0;
    let count = 0;
    for (const power of powers) {
      if (power < loud * RANGE) continue;
      sum += Math.min(power, loud * MOST);
      count++;
    }
    const level = sum / count;
    return level > LEAST_POWER ? 10 * Math.log10(level) : undefined;
  }
}

/**
 * The level of the speech in a clip, pauses left out: the mean power of its speech above 100 Hz.
 *
 * Of blocks of 100 ms those count that are at most 15 dB below the 90th percentile; one more than 6 dB above it, such
 * as a knock, counts as 6 dB above. A gain moves the level by as much and changes nothing else, so audio that is
 * brought to a level is the same however loud it was.
 *
 * Source: the gates of ITU-R BS.1770-4 (a relative one, and a high pass in place of its weighting) and the active
 * speech level of ITU-T P.56 (pauses about 15 dB below the speech); with a percentile in place of the mean, so that
 * neither the share of pauses nor a single loud noise moves the gate. Levels are not those of either standard. Limits:
 * speech in less than a tenth of the blocks is measured as the rest is; music and noise as loud as speech count.
 *
 * @param waveform mono, 16 kHz.
 * @returns dB of full scale: a sine of full scale at 1 kHz has -3.2 (the high pass takes 0.2); undefined where nothing
 * is louder than -85 dB.
 * @throws RangeError for another sample rate; TypeError for what is not a waveform.
 * @example
 * import { speechLevel } from '@lipsync/audio-mel';
 * const levelDb = speechLevel({ samples, sampleRate: 16000 }); // -26.3
 */
export function speechLevel(waveform: Waveform): number | undefined {
  assertWaveform('speechLevel', waveform);
  if (waveform.sampleRate !== AUDIO_SAMPLE_RATE)
    fail(RangeError, 'speechLevel', 'waveform.sampleRate', String(AUDIO_SAMPLE_RATE), waveform.sampleRate);
  const meter = new SpeechLevelMeter();
  meter.push(waveform.samples);
  return meter.levelDb;
}
