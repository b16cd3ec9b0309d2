/**
 * The generator xoshiro128**, period 2^128 - 1. Not for secrets.
 *
 * Source: Blackman and Vigna, Scrambled Linear Pseudorandom Number Generators (2018); bit for bit.
 */
export class Xoshiro128 {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param state four 32-bit words, not all 0. */
  constructor(state: ArrayLike<number>) {
    [this.#a, this.#b, this.#c, this.#d] = Array.from(state);
  }

  /** The next 32 bits, as an integer 0..2^32 - 1. */
  next(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }
}
