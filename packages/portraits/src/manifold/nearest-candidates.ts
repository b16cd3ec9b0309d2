/**
 * Collects, from scores that come one after the other, those that may be among the `count` smallest when each score is
 * wrong by up to `error`: those at most `2 error` above the `count`-th smallest.
 */
export class NearestCandidates {
  readonly #count: number;
  readonly #error: number;
  /** The smallest scores so far, ascending. */
  readonly #smallest: Float64Array;
  #indices: number[] = [];
  #scores: number[] = [];

  constructor(count: number, error: number) {
    this.#count = count;
    this.#error = error;
    this.#smallest = new Float64Array(count).fill(Infinity);
  }

  /** Scores above this are of no interest. */
  get limit(): number {
    return this.#smallest[this.#count - 1] + 2 * this.#error;
  }

  /** Takes a score that is not above `limit`. */
  add(index: number, score: number): void {
    this.#indices.push(index);
    this.#scores.push(score);
    const smallest = this.#smallest;
    if (score >= smallest[this.#count - 1]) return;
    let at = this.#count - 1;
    for (; at > 0 && smallest[at - 1] > score; at--) smallest[at] = smallest[at - 1];
    smallest[at] = score;
  }

  /** Indices of the candidates, ascending. */
  indices(): number[] {
    const { limit } = this;
    return this.#indices.filter((_, i) => this.#scores[i] <= limit);
  }
}
