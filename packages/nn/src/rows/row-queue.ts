/**
 * Rows of equal length, appended at the end and dropped at the front; addressed by their index in the whole sequence.
 *
 * One growing buffer: memory follows the rows held, not the rows that ever passed.
 *
 * @example
 * const queue = new RowQueue(2);
 * queue.push(Float32Array.of(1, 2, 3, 4)); // rows 0 and 1
 * queue.dropBefore(1);
 * queue.row(1); // [3, 4]
 */
export class RowQueue {
  /** Values of a row. */
  readonly dimension: number;
  #count = 0;
  #first = 0; // index of the oldest row held; above #count where rows to come are to be skipped
  #data: Float32Array;

  /** @param capacity rows that fit before the buffer grows. */
  constructor(dimension: number, capacity = 64) {
    this.dimension = dimension;
    this.#data = new Float32Array(capacity * dimension);
  }

  /** Rows that ever arrived. */
  get count(): number {
    return this.#count;
  }

  /** Index of the oldest row that is held, or is to be held when it arrives. */
  get first(): number {
    return this.#first;
  }

  /** Rows held now. */
  get held(): number {
    return Math.max(0, this.#count - this.#first);
  }

  /** Copies rows in at the end; those before `first` are counted and skipped. */
  push(rows: Float32Array): void {
    const { dimension } = this;
    const held = this.held * dimension;
    const skipped = Math.min(rows.length / dimension, Math.max(0, this.#first - this.#count));
    const kept = rows.subarray(skipped * dimension);
    if (held + kept.length > this.#data.length) {
      const larger = new Float32Array(Math.max(2 * this.#data.length, held + kept.length));
      larger.set(this.#data.subarray(0, held));
      this.#data = larger;
    }
    this.#data.set(kept, held);
    this.#count += rows.length / dimension;
  }

  /** A view of row `index`, valid until the next change. */
  row(index: number): Float32Array {
    return this.rows(index, index + 1);
  }

  /** A view of the held rows from `from` up to but not including `to`, valid until the next change. */
  rows(from: number, to: number): Float32Array {
    const end = Math.min(to, this.#count) - this.#first;
    const start = Math.min(Math.max(from - this.#first, 0), Math.max(0, end));
    return this.#data.subarray(start * this.dimension, Math.max(0, end) * this.dimension);
  }

  /** Forgets the rows before `index`, also those that have not arrived yet. */
  dropBefore(index: number): void {
    if (index <= this.#first) return;
    const { dimension, held } = this;
    const drop = Math.min(held, index - this.#first);
    this.#data.copyWithin(0, drop * dimension, held * dimension);
    this.#first = index;
  }
}
