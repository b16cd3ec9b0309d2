/** Samples that follow those before, or that begin a new run at `startSec`. */
export type PlacedPiece = { samples: Float32Array; startSec?: number };

/** A longer gap is not filled with silence: a new run begins. */
const LONGEST_GAP_SEC = 1;
/** A piece that is off by more lies after lost audio, or repeats some; less is the jitter of time stamps. */
const MOST_JITTER_SEC = 0.06;
/** Time over which the jitter is averaged. */
const SMOOTH_SEC = 2;
/** A mean error above this is corrected … */
const MOST_ERROR_SEC = 0.002;
/** … by making pieces longer or shorter by at most this share, which no network notices. */
const MOST_STRETCH = 0.005;

/**
 * Puts pieces of audio where their time stamps say, however their sample clock runs.
 *
 * Samples follow each other as they come. The mean of what the time stamps say otherwise, over about two seconds, is
 * corrected by stretching pieces by at most 0.5 %, so that a clock that is off by some hundred parts in a million never
 * adds up to more than some milliseconds. Lost audio is replaced by silence, repeated audio is left out, and after more
 * than a second without audio a new run begins.
 */
export class AudioPlacer {
  readonly #sampleRate: number;
  #startSec = Number.NaN;
  #count = 0; // samples given since then
  #errorSec = 0; // mean of how much later the time stamps are

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  /** Where the next sample lies; NaN before the first. */
  get endSec(): number {
    return this.#startSec + this.#count / this.#sampleRate;
  }

  /** The pieces that stand for these samples, whose first one has this time. */
  place(samples: Float32Array, timeSec: number): PlacedPiece[] {
    if (samples.length === 0) return [];
    const rate = this.#sampleRate;
    const error = timeSec - this.endSec;
    if (!(Math.abs(error) <= LONGEST_GAP_SEC)) return [this.#begin(samples, timeSec)];
    const lost = Math.round(error * rate);
    if (error > MOST_JITTER_SEC) {
      this.#errorSec = 0;
      return [new Float32Array(lost), samples].map((piece) => this.#add(piece));
    }
    if (error < -MOST_JITTER_SEC) {
      this.#errorSec = 0;
      return lost + samples.length > 0 ? [this.#add(samples.subarray(-lost))] : [];
    }
    const share = Math.min(1, samples.length / rate / SMOOTH_SEC);
    this.#errorSec += share * (error - this.#errorSec);
    if (Math.abs(this.#errorSec) < MOST_ERROR_SEC) return [this.#add(samples)];
    const most = MOST_STRETCH * samples.length;
    const extra = Math.round(Math.max(-most, Math.min(most, this.#errorSec * rate)));
    this.#errorSec -= extra / rate;
    return [this.#add(extra === 0 ? samples : stretched(samples, samples.length + extra))];
  }

  /** The next piece begins a new run. */
  end(): void {
    this.#startSec = Number.NaN;
  }

  #begin(samples: Float32Array, startSec: number): PlacedPiece {
    this.#startSec = startSec;
    this.#count = samples.length;
    this.#errorSec = 0;
    return { samples, startSec };
  }

  #add(samples: Float32Array): PlacedPiece {
    this.#count += samples.length;
    return { samples };
  }
}

/** The same piece in another number of samples, a little more or fewer, by linear interpolation. */
function stretched(samples: Float32Array, length: number): Float32Array {
  const step = samples.length / length;
  return Float32Array.from({ length }, (_, i) => {
    const at = i * step;
    const left = Math.floor(at);
    const right = Math.min(samples.length - 1, left + 1);
    return samples[left] + (at - left) * (samples[right] - samples[left]);
  });
}
