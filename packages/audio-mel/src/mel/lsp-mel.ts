import { AUDIO_SAMPLE_RATE, assertWaveform, type Features, fail, type Waveform } from '@lipsync/contracts';
import type { FeatureStream } from '../audio-features';
import { LogLevel } from '../spectrum/log-level';
import { RealFft } from '../spectrum/real-fft';
import { bandSlopes, weighBands } from './band-slopes';
import { hannWindow } from './hann-window';
import { WAV2LIP_MEL } from './mel-recipe';

const BINS = 80;
const FFT = 512;
/** Samples of a window: 1/60 s. */
const WINDOW = 266;
/** Samples before the first of a window that the transform covers, mirrored from the window itself. */
const MIRRORED = 66;
/** Samples of a window that the transform covers: the padding shifts it, so the last 66 do not count. */
const USED = WINDOW - MIRRORED;
const FLOOR = 1e-5;
const FILTERS = { ...WAV2LIP_MEL, fftSize: FFT, winLength: WINDOW, melBins: BINS, minHz: 90, maxHz: 7600 };

/** The first sample of a window: steps of 1/120 s, 133.33 samples, fractions cut off. */
const windowStart = (step: number): number => Math.floor((step * 400) / 3);

/** Windows of so many samples: two for each whole video frame of 1/60 s. In this order it rounds as the reference. */
const windowCount = (samples: number): number => 2 * Math.floor((samples / AUDIO_SAMPLE_RATE) * 60);

/**
 * The mel spectrogram of Live Speech Portraits of audio that comes in pieces: what `push` and `end` return,
 * concatenated, equals `lspMel` of the whole bit for bit, in constant memory.
 *
 * A step is returned once the 200 samples that it sees, and the whole video frame that it belongs to, have come: at most
 * 25 ms after its window's start.
 *
 * @example
 * import { LspMelStream } from '@lipsync/audio-mel';
 * const stream = new LspMelStream();
 * const half = new Float32Array(8000);
 * const steps = [stream.push(half), stream.push(half), stream.end()]; // 59, 60 and 1 steps of 80
 */
export class LspMelStream implements FeatureStream {
  readonly bins = BINS;
  readonly #fft: RealFft;
  readonly #slopes = bandSlopes(FILTERS);
  readonly #levels: LogLevel;
  readonly #frame = new Float64Array(FFT);
  readonly #magnitude = new Float64Array(FFT / 2 + 1);
  /** Samples from the first of the next window on. */
  #pending = new Float32Array(4096);
  #held = 0;
  #received = 0;
  #made = 0;
  #ended = false;

  constructor() {
    // Magnitudes do not depend on where in the transform the window stands: at its start here.
    const window = new Float64Array(FFT);
    window.set(hannWindow(WINDOW, WINDOW));
    this.#fft = new RealFft(window);
    const range = -Math.log(FLOOR);
    this.#levels = new LogLevel(BINS, { floor: FLOOR, gain: 1 / range, shift: 1, limit: Infinity });
  }

  /**
   * Takes the next mono samples, 16 kHz, full scale -1..1.
   *
   * @returns float32 `[new steps, 80]`, often empty for short pieces; the caller's.
   * @throws RangeError for a sample that is not finite, of which nothing was taken. Error after `end`.
   */
  push(samples: Float32Array): Float32Array {
    this.#assertOpen('push');
    assertWaveform('LspMelStream.push', { samples, sampleRate: AUDIO_SAMPLE_RATE });
    this.#append(samples);
    const count = windowCount(this.#received);
    let last = this.#made;
    while (last < count && windowStart(last) + USED <= this.#received) last++;
    return this.#take(last);
  }

  /**
   * Ends the stream.
   *
   * @returns float32 `[last steps, 80]`, of windows that reach beyond the end, where zeros follow; often empty.
   * @throws Error if called twice.
   */
  end(): Float32Array {
    this.#assertOpen('end');
    this.#ended = true;
    const count = windowCount(this.#received);
    this.#append(new Float32Array(WINDOW), 0);
    return this.#take(count);
  }

  #assertOpen(method: string): void {
    if (this.#ended) fail(Error, `LspMelStream.${method}`, 'stream', 'open', 'one that has ended');
  }

  #append(samples: Float32Array, counted = samples.length): void {
    const needed = this.#held + samples.length;
    if (needed > this.#pending.length) {
      const larger = new Float32Array(2 * needed);
      larger.set(this.#pending.subarray(0, this.#held));
      this.#pending = larger;
    }
    this.#pending.set(samples, this.#held);
    this.#held = needed;
    this.#received += counted;
  }

  /** The steps up to `last`, which are complete; drops the samples before it. */
  #take(last: number): Float32Array {
    const out = new Float32Array((last - this.#made) * BINS);
    const origin = windowStart(this.#made);
    for (let step = this.#made; step < last; step++) {
      this.#step(windowStart(step) - origin);
      this.#levels.write(out, (step - this.#made) * BINS);
    }
    const used = Math.min(this.#held, windowStart(last) - origin);
    this.#pending.copyWithin(0, used, this.#held);
    this.#held -= used;
    this.#made = last;
    return out;
  }

  /** Band magnitudes of the window that starts at `at`. */
  #step(at: number): void {
    const frame = this.#frame;
    for (let i = 0; i < MIRRORED; i++) frame[i] = this.#pending[at + MIRRORED - i];
    for (let i = 0; i < USED; i++) frame[MIRRORED + i] = this.#pending[at + i];
    this.#fft.magnitudes(frame, 0, this.#magnitude);
    weighBands(this.#slopes, this.#magnitude, this.#levels.values);
  }
}

/**
 * The mel spectrogram of a whole clip, as Live Speech Portraits takes it: 120 steps per second.
 *
 * Windows of 266 samples (1/60 s), the first sample of step `i` at `floor(i · 400 / 3)`. Each is mirrored at both ends
 * by 189 samples; the transform of 512 covers the first 512 of the result, with a periodic Hann window of 266 in its
 * middle. So samples -66…199 of a window count, the negative ones mirrored, and the last 66 do not: the reference's
 * padding, kept. Magnitude, 80 Slaney bands from 90 to 7600 Hz, and `(ln(max(1e-5, mel)) - ln 1e-5) / -ln 1e-5`: 0 for
 * silence, 1 for a band magnitude of 1.
 *
 * `N` samples give `2 floor(60 N / 16000)` steps; beyond the end are zeros.
 *
 * Source: LiveSpeechPortraits `utils.py`, `audio_funcs.py`. Largest difference from its formulas in NumPy (float64):
 * 3e-8, with values up to 0.9, see the test.
 *
 * @returns float32 `[steps, 80]`, time-major; the caller's.
 * @throws RangeError if the sample rate is not 16000 Hz or a sample is not finite.
 * @example
 * import { lspMel } from '@lipsync/audio-mel';
 * const mel = lspMel({ samples: new Float32Array(16000), sampleRate: 16000 }); // { data, steps: 120, bins: 80 }
 */
export function lspMel(waveform: Waveform): Features {
  assertWaveform('lspMel', waveform);
  if (waveform.sampleRate !== AUDIO_SAMPLE_RATE) {
    fail(RangeError, 'lspMel', 'waveform.sampleRate', `${AUDIO_SAMPLE_RATE} Hz (see resample)`, waveform.sampleRate);
  }
  const stream = new LspMelStream();
  const [before, after] = [stream.push(waveform.samples), stream.end()];
  const data = new Float32Array(before.length + after.length);
  data.set(before);
  data.set(after, before.length);
  return { data, steps: data.length / BINS, bins: BINS };
}
