import type { MessageLine } from '../ffmpeg/message-lines';

/** A change in the middle of a stream. */
export type MediaChange = {
  stream: 'video' | 'audio';
  /** When it happens, seconds on the container's clock. */
  timeSec: number;
  /** What it was and what it becomes: size, pixel format, frames a second; channels, samples a second. */
  from: string;
  to: string;
};

/** Changes that are kept; more are counted. */
const MOST = 100;

/** Steps of one length after which they count as another frame rate: less is a video of variable rate. */
const STEADY = 5;

const FRAMES = /^\[Parsed_showinfo_\d+ @ [^\]]*\] n: *0 +pts: *(-?\d+).* fmt:(\w+) .*\bsar:(\S+) s:(\S+)/;
const AUDIO = /^\[Parsed_ashowinfo_\d+ @ [^\]]*\] n: *0 pts: *(-?\d+).* channels:(\d+) chlayout:(.*) rate:(\d+) /;

/**
 * Follows a run whose filters begin with `printFirstFrame` and `printFirstAudio`: ffmpeg builds them anew where
 * what comes out of the decoder changes, and they print it. Frame rates are seen by the times of the frames.
 */
export class StreamChanges {
  readonly changes: MediaChange[] = [];
  #count = 0;
  readonly #last: { video?: string; audio?: string } = {};
  #lastTime = Number.NaN;
  #step = Number.NaN;
  #other = { step: Number.NaN, times: 0, since: Number.NaN };

  add({ text }: MessageLine): void {
    const frame = FRAMES.exec(text);
    if (frame) this.#describe('video', frame[1], `${frame[4]} ${frame[2]}${aspect(frame[3])}`);
    const audio = AUDIO.exec(text);
    if (audio) this.#describe('audio', audio[1], `${channels(audio[3], Number(audio[2]))} at ${audio[4]} Hz`);
  }

  /** Takes the time of a frame, seconds on the container's clock. */
  frameAt(timeSec: number): void {
    const step = timeSec - this.#lastTime;
    const from = this.#lastTime;
    this.#lastTime = timeSec;
    if (!(step > 0) || isSame(step, this.#step)) {
      this.#other.times = 0;
      return;
    }
    if (Number.isNaN(this.#step)) {
      this.#step = step;
      return;
    }
    if (this.#other.times === 0 || !isSame(step, this.#other.step)) this.#other = { step, times: 0, since: from };
    if (++this.#other.times < STEADY) return;
    const rate = (seconds: number) => `${Math.round(100 / seconds) / 100} frames a second`;
    const mean = (timeSec - this.#other.since) / STEADY;
    this.#keep({ stream: 'video', timeSec: this.#other.since, from: rate(this.#step), to: rate(mean) });
    this.#step = step;
    this.#other.times = 0;
  }

  /** One sentence a stream, from the first frame's time on. */
  notes(startSec: number): string[] {
    return (['video', 'audio'] as const).flatMap((stream) => {
      const own = this.changes.filter((change) => change.stream === stream);
      if (own.length === 0) return [];
      const [{ timeSec, from, to }] = own;
      const times =
        own.length === 1 ? '' : `, the first of ${this.#count > MOST ? 'more than ' : ''}${own.length} changes`;
      const name = stream === 'video' ? 'frames' : 'audio';
      return `the ${name} change${stream === 'video' ? '' : 's'} after ${(timeSec - startSec).toFixed(2)} s from ${from} to ${to}${times}`;
    });
  }

  #describe(stream: 'video' | 'audio', microseconds: string, to: string): void {
    const from = this.#last[stream];
    this.#last[stream] = to;
    if (from !== undefined)
      this.#keep({ stream, timeSec: Number(microseconds) / 1e6, from, to: to === from ? `${to}, described anew` : to });
  }

  #keep(change: MediaChange): void {
    if (++this.#count <= MOST) this.changes.push(change);
  }
}

/** Within 5 %, or what a clock of milliseconds makes of it. */
const isSame = (step: number, other: number) => Math.abs(step - other) <= Math.max(0.05 * other, 0.0011);

const aspect = (ratio: string) => (/^(0\/\d+|1\/1)$/.test(ratio) ? '' : ` with pixels of ${ratio}`);

const channels = (layout: string, count: number) => layout.trim() || (count === 1 ? 'mono' : `${count} channels`);
