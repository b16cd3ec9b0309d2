import type { Features, Waveform } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, assertWaveform, fail } from '@lipsync/contracts';
import { RealFft } from '../spectrum/real-fft';

const FRAME = 400; // 25 ms
const HOP = 160; // 10 ms
const FFT = 512;
const BANDS = 26;
const COEFFICIENTS = 13;
const LIFTER = 22;
const PRE_EMPHASIS = 0.97;
const FLOOR = 2.220446049250313e-16; // numpy's eps, where a band or a frame has no energy

/** Corners of the 26 triangles in bins of the transform: 28 points evenly spread over the HTK mel scale up to 8 kHz. */
function bandCorners(): number[] {
  const highest = 2595 * Math.log10(1 + AUDIO_SAMPLE_RATE / 2 / 700);
  return Array.from({ length: BANDS + 2 }, (_, j) => {
    const hz = 700 * (10 ** ((highest * j) / (BANDS + 1) / 2595) - 1);
    return Math.floor(((FFT + 1) * hz) / AUDIO_SAMPLE_RATE);
  });
}

/** DCT-II, orthonormal, of 26 values to 13, times the lifter: `[coefficient, band]`. */
function transform(): Float64Array {
  const rows = new Float64Array(COEFFICIENTS * BANDS);
  for (let n = 0; n < COEFFICIENTS; n++) {
    const scale = Math.sqrt((n === 0 ? 1 : 2) / BANDS) * (1 + (LIFTER / 2) * Math.sin((Math.PI * n) / LIFTER));
    for (let band = 0; band < BANDS; band++) {
      rows[n * BANDS + band] = scale * Math.cos((Math.PI * n * (2 * band + 1)) / (2 * BANDS));
    }
  }
  return rows;
}

/** Frames of so many samples. */
export function mfccSteps(samples: number): number {
  return samples <= FRAME ? 1 : 1 + Math.ceil((samples - FRAME) / HOP);
}

/**
 * SyncNet's MFCC of audio that comes in pieces, in constant memory: the results of `push` and `end`, concatenated,
 * equal `mfcc` of the whole bit for bit, for pieces of any length.
 */
export class MfccStream {
  /** Coefficients, the length of one step. */
  readonly bins = COEFFICIENTS;
  readonly #fft: RealFft;
  readonly #corners = bandCorners();
  readonly #matrix = transform();
  readonly #power = new Float64Array(FFT / 2 + 1);
  readonly #logs = new Float64Array(BANDS);
  /** Emphasised samples from the first of the next frame on. */
  #pending: Float64Array = new Float64Array(8192);
  #held = 0;
  #previous = 0;
  #samples = 0;
  #frameCount = 0;
  #ended = false;

  constructor() {
    const window = new Float64Array(FFT).fill(1, 0, FRAME); // rectangular; the rest of the transform is zeros
    this.#fft = new RealFft(window);
  }

  /**
   * Takes the next mono samples, 16 kHz, full scale -1..1.
   *
   * @returns float32 `[new steps, 13]`, often empty for short pieces; the caller's.
   * @throws RangeError for a sample that is not finite; the stream cannot be used afterwards.
   */
  push(samples: Float32Array): Float32Array {
    this.#assertOpen('push');
    if (!(samples instanceof Float32Array))
      fail(TypeError, 'MfccStream.push', 'samples', 'a Float32Array', typeof samples);
    this.#makeRoom(samples.length);
    for (let i = 0; i < samples.length; i++) {
      if (!Number.isFinite(samples[i]))
        fail(RangeError, 'MfccStream.push', 'samples', 'finite', `${samples[i]} at ${this.#samples + i}`);
      const value = Math.max(-32768, Math.min(32767, Math.round(samples[i] * 32768)));
      this.#pending[this.#held++] = this.#samples + i === 0 ? value : value - PRE_EMPHASIS * this.#previous;
      this.#previous = value;
    }
    this.#samples += samples.length;
    return this.#take(Math.max(0, Math.floor((this.#held - FRAME) / HOP) + 1));
  }

  /**
   * Ends the stream.
   *
   * @returns float32 `[last steps, 13]`: the frame that reaches beyond the end, padded with zeros.
   * @throws RangeError if there was no sample at all.
   */
  end(): Float32Array {
    this.#assertOpen('end');
    this.#ended = true;
    if (this.#samples === 0) fail(RangeError, 'MfccStream.end', 'audio', 'at least one sample long', 'none');
    const rest = mfccSteps(this.#samples) - this.#frameCount;
    this.#makeRoom(FRAME + HOP);
    this.#pending.fill(0, this.#held);
    this.#held += FRAME;
    return this.#take(rest);
  }

  #assertOpen(method: string): void {
    if (this.#ended) fail(Error, `MfccStream.${method}`, 'stream', 'open', 'one that has ended');
  }

  #makeRoom(more: number): void {
    const needed = this.#held + more + FFT; // the transform reads 512 from the last frame's first
    if (needed <= this.#pending.length) return;
    const larger = new Float64Array(Math.max(needed, 2 * this.#pending.length));
    larger.set(this.#pending.subarray(0, this.#held));
    this.#pending = larger;
  }

  #take(count: number): Float32Array {
    const out = new Float32Array(count * COEFFICIENTS);
    for (let i = 0; i < count; i++) this.#coefficients(i * HOP, out.subarray(i * COEFFICIENTS));
    const used = Math.min(this.#held, count * HOP);
    this.#pending.copyWithin(0, used, this.#held);
    this.#held -= used;
    this.#frameCount += count;
    return out;
  }

  #coefficients(offset: number, out: Float32Array): void {
    const power = this.#power;
    const corners = this.#corners;
    const logs = this.#logs;
    const matrix = this.#matrix;
    this.#fft.magnitudes(this.#pending, offset, power);
    let energy = 0;
    for (let k = 0; k < power.length; k++) {
      power[k] = (power[k] * power[k]) / FFT;
      energy += power[k];
    }
    for (let band = 0; band < BANDS; band++) {
      const [low, middle, high] = [corners[band], corners[band + 1], corners[band + 2]];
      let sum = 0;
      for (let k = low; k < middle; k++) sum += (power[k] * (k - low)) / (middle - low);
      for (let k = middle; k < high; k++) sum += (power[k] * (high - k)) / (high - middle);
      logs[band] = Math.log(sum === 0 ? FLOOR : sum);
    }
    for (let n = 1; n < COEFFICIENTS; n++) {
      let sum = 0;
      for (let band = 0; band < BANDS; band++) sum += matrix[n * BANDS + band] * logs[band];
      out[n] = sum;
    }
    out[0] = Math.log(energy === 0 ? FLOOR : energy); // the frame's energy stands for the first coefficient
  }
}

/**
 * SyncNet's features of a whole clip: 13 cepstral coefficients per step, 100 steps per second.
 *
 * Samples as 16-bit whole numbers (full scale 1 becomes 32768), pre-emphasis 0.97 over the whole audio, rectangular
 * frames of 25 ms every 10 ms, the last padded with zeros; power of a 512-point transform; 26 triangles on the HTK mel
 * scale to 8 kHz; natural logarithm; orthonormal DCT-II; lifter 22; the first coefficient is the logarithm of the
 * frame's energy. `N` samples give `1 + ceil((N - 400) / 160)` steps.
 *
 * Source: python_speech_features 0.6 `mfcc` with its defaults, as SyncNet calls it. Largest difference from its
 * formulas in NumPy and SciPy on speech with digital silence: 4e-6, float32's own step, see the test. Arithmetic is
 * float64 up to the result.
 *
 * @returns float32 `[steps, 13]`, time-major; the caller's.
 * @throws RangeError if the sample rate is not 16000, a sample is not finite, or there is none.
 */
export function mfcc(waveform: Waveform): Features {
  assertWaveform('mfcc', waveform);
  const { samples, sampleRate } = waveform;
  if (sampleRate !== AUDIO_SAMPLE_RATE)
    fail(RangeError, 'mfcc', 'waveform.sampleRate', `${AUDIO_SAMPLE_RATE} Hz (see resample)`, sampleRate);
  const stream = new MfccStream();
  const [first, rest] = [stream.push(samples), stream.end()];
  const data = new Float32Array(first.length + rest.length);
  data.set(first);
  data.set(rest, first.length);
  return { data, steps: data.length / COEFFICIENTS, bins: COEFFICIENTS };
}
