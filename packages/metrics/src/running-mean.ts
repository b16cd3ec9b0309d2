import { fail } from '@lipsync/contracts';

/** The mean of values that arrive one after the other, in float64. */
export class RunningMean {
  #sum = 0;
  #count = 0;

  /** Values so far. */
  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    this.#sum += value;
    this.#count++;
  }

  /** @throws Error before the first value: zero would look like a score. */
  mean(where: string): number {
    if (this.#count === 0) fail(Error, where, 'samples so far', 'at least one (call update first)', 0);
    return this.#sum / this.#count;
  }

  reset(): void {
    this.#sum = 0;
    this.#count = 0;
  }
}
