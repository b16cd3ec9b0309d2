/** Rows of equal length that arrive at one end and are dropped at the other; addressed by their index in the whole sequence. */
export class RowQueue {
  readonly dimension: number;
  /** Rows that ever arrived. */
  count = 0;
  #first = 0; // index of the oldest row still held
  #data: Float32Array;

  constructor(dimension: number, rows = 64) {
    this.dimension = dimension;
    this.#data = new Float32Array(rows * dimension);
  }

  /** Rows held now. */
  get held(): number {
    return this.count - this.#first;
  }

  /** Copies rows in at the end; grows only while more rows are held than ever before. */
  push(rows: Float32Array): void {
    const held = this.held * this.dimension;
    if (held + rows.length > this.#data.length) {
      const larger = new Float32Array(Math.max(2 * this.#data.length, held + rows.length));
      larger.set(this.#data.subarray(0, held));
      this.#data = larger;
    }
    this.#data.set(rows, held);
    this.count += rows.length / this.dimension;
  }

  /** A view of row `index`, valid until the next change. */
  row(index: number): Float32Array {
    const start = (index - this.#first) * this.dimension;
    return this.#data.subarray(start, start + this.dimension);
  }

  /** Forgets the rows before `index`. */
  dropBefore(index: number): void {
    const drop = Math.min(index, this.count) - this.#first;
    if (drop <= 0) return;
    this.#data.copyWithin(0, drop * this.dimension, this.held * this.dimension);
    this.#first += drop;
  }
}
