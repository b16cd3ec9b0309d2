/**
 * Items of a stream that is read once from its beginning to its end, kept if they take no more than some bytes.
 *
 * @example
 * const kept = new KeptItems<Waveform>(2 ** 20, ({ samples }) => samples.byteLength);
 * for await (const piece of kept.pass(reader.audio('talk.mp4'))) console.log(piece.samples.length);
 * kept.items; // undefined where they are too large, or the stream was left early
 */
export class KeptItems<A> {
  readonly #limit: number;
  readonly #bytesOf: (item: A) => number;
  #items: A[] | undefined;

  constructor(limit: number, bytesOf: (item: A) => number) {
    this.#limit = limit;
    this.#bytesOf = bytesOf;
  }

  /** All items of the stream, or undefined. */
  get items(): readonly A[] | undefined {
    return this.#items;
  }

  /** The same items; at their end they are kept. */
  async *pass(items: AsyncIterable<A>): AsyncGenerator<A> {
    let kept: A[] | undefined = [];
    let bytes = 0;
    for await (const item of items) {
      bytes += this.#bytesOf(item);
      if (bytes > this.#limit) kept = undefined;
      kept?.push(item);
      yield item;
    }
    this.#items = kept;
  }

  /** The kept items as a stream. */
  async *replay(): AsyncGenerator<A> {
    yield* this.#items ?? [];
  }

  release(): void {
    this.#items = undefined;
  }
}
