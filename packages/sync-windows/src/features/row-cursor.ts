import { fail } from '@lipsync/contracts';
import { RowQueue } from '@lipsync/nn';

/**
 * Random access, in roughly rising order, to rows that a stream produces piece by piece: samples, feature steps.
 *
 * Holds the rows from the last `forget` to the farthest read, and one piece.
 */
export class RowCursor {
  readonly #pieces: AsyncIterator<Float32Array>;
  readonly #queue: RowQueue;
  readonly #where: string;
  #ended = false;

  /**
   * @param pieces whole rows, `[rows, dimension]` each.
   * @param options.where who to name in errors.
   */
  constructor(pieces: AsyncIterable<Float32Array>, { dimension, where }: { dimension: number; where: string }) {
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#queue = new RowQueue(dimension, 256);
    this.#where = where;
  }

  /** Values of a row. */
  get dimension(): number {
    return this.#queue.dimension;
  }

  /** Rows held now. */
  get held(): number {
    return this.#queue.held;
  }

  /** Rows read so far; where `ended`, rows in all. */
  get count(): number {
    return this.#queue.count;
  }

  /** Whether a read reached the end. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * The rows from `from` up to but not including `to`, a copy; fewer, or none, where the stream ends before.
   *
   * @throws RangeError for rows that were forgotten.
   */
  async read(from: number, to: number): Promise<Float32Array> {
    if (from < this.#queue.first)
      fail(RangeError, this.#where, 'start', `at least ${this.#queue.first}, as earlier ones are forgotten`, from);
    while (!this.#ended && this.#queue.count < to) {
      const next = await this.#pieces.next();
      if (next.done) this.#ended = true;
      else this.#queue.push(next.value);
    }
    return this.#queue.rows(from, to).slice();
  }

  /** Releases the rows before `row`, also those that are not read yet. */
  forget(row: number): void {
    this.#queue.dropBefore(row);
  }

  /** Ends the stream; safe to call twice. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#pieces.return?.();
  }
}
