import { fail } from '@lipsync/contracts';
import { Xoshiro128 } from './xoshiro128';

/** Spreads the bits of one 32-bit word (the finaliser of MurmurHash3). */
function mix(word: number): number {
  let bits = word;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** 128 bits from any list of integers; each integer enters as its low and high 32 bits. */
function hash(integers: number[]): Uint32Array {
  const lanes = new Uint32Array([0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x8aed2a6a]);
  const absorb = (word: number): void => {
    for (let lane = 0; lane < 4; lane++) {
      // Each lane also takes its neighbour, so that four lanes carry four different hashes of the same words.
      lanes[lane] = mix(lanes[lane] ^ Math.imul(word, 0x9e3779b1 + 2 * lane) ^ (lanes[(lane + 1) & 3] >>> 7)) + word;
    }
  };
  for (const integer of integers) {
    absorb(integer >>> 0);
    absorb(Math.floor(integer / 2 ** 32) >>> 0);
  }
  absorb(integers.length);
  absorb(0);
  if (!lanes.some((lane) => lane !== 0)) lanes[0] = 1; // the generator stays in the all-zero state for ever
  return lanes;
}

/**
 * A seeded stream of random numbers, the same on every machine.
 *
 * The state is a hash of `seed` and the stream numbers, so `(seed, epoch, batch, item)` addresses its own independent
 * stream and nothing has to be stored to resume a run. Generator: xoshiro128** (Blackman and Vigna, 2018), period
 * 2^128 - 1. Not for secrets.
 *
 * @throws RangeError if a seed or stream number is not an integer that a JS number holds exactly.
 * @example
 * const noise = new Random(42, epoch, batch).normal();
 */
export class Random {
  readonly #generator: Xoshiro128;
  #spare: number | undefined;

  constructor(seed: number, ...stream: number[]) {
    for (const integer of [seed, ...stream]) {
      if (!Number.isSafeInteger(integer)) fail(RangeError, 'Random', 'seed', 'made of safe integers', integer);
    }
    this.#generator = new Xoshiro128(hash([seed, ...stream]));
  }

  /** The next 32 bits, as an integer 0..2^32 - 1. */
  bits(): number {
    return this.#generator.next();
  }

  /** A number in `[low, high)`, uniformly distributed, 53 bits. Default 0..1. */
  uniform(low = 0, high = 1): number {
    const unit = ((this.bits() >>> 5) * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53;
    return low + (high - low) * unit;
  }

  /** A number from the standard normal distribution (Box-Muller: two numbers for each pair of uniform ones). */
  normal(): number {
    if (this.#spare !== undefined) {
      const kept = this.#spare;
      this.#spare = undefined;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform())); // 1 - u is never 0
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /**
   * An integer 0..n-1, each equally likely (values that would favour small integers are drawn again).
   *
   * @throws RangeError if `n` is not an integer 1..2^32.
   */
  integer(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32)) {
      fail(RangeError, 'Random.integer', 'n', 'an integer from 1 to 2^32', n);
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    let drawn = this.bits();
    while (drawn >= limit) drawn = this.bits();
    return drawn % n;
  }

  /** Shuffles an array in place (Fisher and Yates) and returns it. */
  shuffle<T>(array: T[]): T[] {
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      [array[last], array[other]] = [array[other], array[last]];
    }
    return array;
  }
}
