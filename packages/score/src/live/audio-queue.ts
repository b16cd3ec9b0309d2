/** Pieces of audio that wait for a reader. One reader. */
export class AudioQueue implements AsyncIterable<Float32Array> {
  readonly #pieces: Float32Array[] = [];
  #ended = false;
  #wake?: () => void;

  /** Samples that wait. */
  get waiting(): number {
    return this.#pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** No more will come. */
  get ended(): boolean {
    return this.#ended;
  }

  push(piece: Float32Array): void {
    this.#pieces.push(piece);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Float32Array> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) yield piece;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
