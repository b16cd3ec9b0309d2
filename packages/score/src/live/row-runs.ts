import { RowQueue } from '@lipsync/nn/arrays';

/** Rows of consecutive frames. */
export type RowRun = {
  /** Frame of its first row that is held. */
  readonly from: number;
  /** Frame after its last row. */
  readonly to: number;
  /** Rows of frames `from` up to `to`; a view. */
  rows(from: number, to: number): Float32Array;
};

/** Rows of values by frame, where frames may be missing: runs of consecutive ones, in order. */
export class RowRuns {
  readonly #dimension: number;
  #runs: { start: number; queue: RowQueue }[] = [];

  constructor(dimension: number) {
    this.#dimension = dimension;
  }

  /** Frame after the last one that has a row; 0 before the first. */
  get end(): number {
    const last = this.#runs.at(-1);
    return last ? last.start + last.queue.count : 0;
  }

  /** Rows held. */
  get held(): number {
    return this.#runs.reduce((sum, { queue }) => sum + queue.held, 0);
  }

  get runs(): RowRun[] {
    return this.#runs.map(({ start, queue }) => ({
      from: start + queue.first,
      to: start + queue.count,
      rows: (from, to) => queue.rows(from - start, to - start),
    }));
  }

  /** Adds the rows of `frame` and those after it; frames that have rows keep them. */
  add(frame: number, rows: Float32Array): void {
    const known = Math.max(0, this.end - frame);
    if (known * this.#dimension >= rows.length) return;
    if (this.#runs.length === 0 || frame > this.end)
      this.#runs.push({ start: frame, queue: new RowQueue(this.#dimension) });
    this.#runs.at(-1)!.queue.push(rows.subarray(known * this.#dimension));
  }

  /** Forgets the rows of frames before this one. */
  dropBefore(frame: number): void {
    this.#runs = this.#runs.filter(({ start, queue }) => start + queue.count > frame);
    for (const { start, queue } of this.#runs) queue.dropBefore(frame - start);
  }
}
