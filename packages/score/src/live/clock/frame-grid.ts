/** A frame at a constant rate. */
export type GridFrame<A> = {
  image: A;
  /** Of the time `index / fps`. */
  index: number;
  /** The image is that of the frame before. */
  repeated: boolean;
};

/** As a frame is shown after a long pause: this much before its time. As ffmpeg does where frames have their own times. */
const EARLIEST_SEC = 0.05;

/** Room for times that were rounded, in frames. */
const ROUNDING = 1e-4;

/**
 * Frames at a constant rate out of frames with times of their own, as they come: frame k is the one nearest to
 * `k / fps`, as where files are decoded. After a gap that is too long to be bridged the next frame begins a new run: the
 * indices in between do not come.
 *
 * Holds one image.
 */
export class FrameGrid<A> {
  readonly #fps: number;
  readonly #longestGapSec: number;
  #shown?: A;
  #timeSec = 0;
  #stepSec: number;
  #next = 0;

  /** @param options.longestGapSec a longer one is not bridged by the image before it. */
  constructor({ fps, longestGapSec }: { fps: number; longestGapSec: number }) {
    this.#fps = fps;
    this.#longestGapSec = longestGapSec;
    this.#stepSec = 1 / fps;
  }

  /** Takes the next image; returns what is certain now. One whose time runs backwards replaces the one before it. */
  push(image: A, timeSec: number): GridFrame<A>[] {
    const first = this.#shown === undefined;
    const gap = timeSec - this.#timeSec;
    const jumps = first || Math.abs(gap) > this.#longestGapSec;
    const ready = first ? [] : jumps ? this.#rest() : this.#until(timeSec - Math.min(gap / 2, EARLIEST_SEC));
    if (!jumps && gap > 0) this.#stepSec = gap;
    this.#shown = image;
    this.#timeSec = jumps ? timeSec : Math.max(timeSec, this.#timeSec);
    // After a jump back nothing is shown up to the time that the frames before had reached.
    if (jumps) this.#next = Math.max(this.#next, this.#indexAt(timeSec));
    return ready;
  }

  /** Ends the run: what the last image still stands for. */
  end(): GridFrame<A>[] {
    const ready = this.#shown === undefined ? [] : this.#rest();
    this.#shown = undefined;
    return ready;
  }

  #rest(): GridFrame<A>[] {
    return this.#until(this.#timeSec + Math.min(this.#stepSec, 2 * EARLIEST_SEC));
  }

  #until(endSec: number): GridFrame<A>[] {
    const image = this.#shown as A;
    const count = Math.max(0, this.#indexAt(endSec) - this.#next);
    return Array.from({ length: count }, (_, i) => ({ image, index: this.#next++, repeated: i > 0 }));
  }

  #indexAt(timeSec: number): number {
    return Math.max(0, Math.ceil(timeSec * this.#fps - ROUNDING));
  }
}
