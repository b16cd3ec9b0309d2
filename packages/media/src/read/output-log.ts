import type { MessageLine } from '../ffmpeg/message-lines';

/** What a filter printed of one unit of output. */
export type OutputEntry = {
  /** Time of a frame in microseconds, of a piece of audio in samples; NaN where it has none. */
  time: number;
  /** Frames (1) or samples of this entry. */
  units: number;
};

/** What `print(…)` writes of a frame that goes out. */
const FRAME = /^(-?\d+\.\d{6}|-?nan)$/;
/** What the filter named `ashowinfo@out` writes of a piece of audio. */
const AUDIO = /^\[ashowinfo@out @ [^\]]*\] n: *\d+ pts: *(-?\d+|NOPTS) .* nb_samples: *(\d+) /;
/** What `print(…)` writes where filters begin, see `FRAMES_BEGIN` and `AUDIO_BEGINS`. */
const BEGIN = { frames: '-1.000000', audio: '-2.000000' };

/** Samples by which a piece with silence in it is longer than the one before it: holes from 40 ms on are filled. */
const LONG = 300;

/** Turns of the event loop after which a line that was written before the output has arrived. */
const TURNS = 20;

/**
 * Follows what ffmpeg's filters print of their output, frame by frame or piece by piece.
 *
 * Where frames or audio change in the middle of a stream (size, pixel format, channels, sample rate), ffmpeg builds its
 * filters anew. Filters that keep a time begin again from 0 then: what comes from there on is at the wrong place.
 *
 * @param options.timed whether the time of each unit is kept until `take`; the filters are then some that keep no time.
 */
export class OutputLog {
  readonly #kind: 'frames' | 'audio';
  readonly #timed: boolean;
  readonly #entries: OutputEntry[] = [];
  #begun = 0;
  #known = 0;
  #last = 0;
  #isLong = false;
  #changedAt = Number.POSITIVE_INFINITY;

  constructor(kind: 'frames' | 'audio', { timed = false }: { timed?: boolean } = {}) {
    this.#kind = kind;
    this.#timed = timed;
  }

  /** How many frames or samples came out before filters were built anew; Infinity while none were. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /**
   * How many frames or samples are known to be right. A piece with silence in it is so when another one has followed:
   * before it is built anew, a filter may get a piece of the new sample rate with a time that is wrong by the ratio of
   * the rates (MP2 and MP3 in ffmpeg 4 and 5), and fills the hole before it.
   */
  get settled(): number {
    return Math.min(this.#changedAt, this.#isLong ? this.#known - this.#last : this.#known);
  }

  readonly add = ({ text }: MessageLine): void => {
    if (!this.#timed && text === BEGIN[this.#kind]) {
      if (++this.#begun > 1) this.#changedAt = Math.min(this.#changedAt, this.settled);
      return;
    }
    const found = (this.#kind === 'audio' ? AUDIO : FRAME).exec(text);
    if (!found || (!this.#timed && text.startsWith('-'))) return;
    const units = this.#kind === 'audio' ? Number(found[2]) : 1;
    this.#known += units;
    this.#isLong = this.#kind === 'audio' && units > this.#last + LONG;
    this.#last = units;
    if (this.#timed) this.#entries.push({ time: Number(found[1]), units });
  };

  /**
   * Resolves when `units` frames or samples have been printed, and unless they are the last are settled or never will
   * be. They are printed before they are written, so that this takes no time or a turn of the event loop; a unit that
   * ffmpeg repeats at the end is never printed.
   */
  async covers(units: number, isLast = true): Promise<void> {
    const isDone = () => this.#known >= units && (isLast || this.settled >= units || this.#changedAt < units);
    for (let turn = 0; !isDone() && turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** At most the next `units` frames or samples, as far as they belong together; undefined where none is known. */
  take(units: number): OutputEntry | undefined {
    const [entry] = this.#entries;
    if (!entry) return undefined;
    if (entry.units <= units) return this.#entries.shift();
    const { time } = entry;
    entry.units -= units;
    entry.time += units;
    return { time, units };
  }
}
