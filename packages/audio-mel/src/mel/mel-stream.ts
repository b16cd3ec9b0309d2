import { fail } from '@lipsync/contracts';
import { MelEngine } from './mel-engine';
import type { MelRecipe } from './mel-recipe';
import { THESIS_MEL } from './mel-recipe';

/**
 * The mel spectrogram of audio that comes in pieces, in constant memory (about 60 kB): the results of `push` and `end`,
 * concatenated, equal `melSpectrogram` of the whole bit for bit, for pieces of any length.
 *
 * A step is returned as soon as the last sample under its window is known: 400 samples (25 ms) after its middle with
 * the recipes of this package.
 */
export class MelStream {
  /** Mel bands, the length of one step. */
  readonly bins: number;
  readonly #engine: MelEngine;
  #ended = false;

  /** @throws RangeError if the recipe's numbers do not fit together. */
  constructor(recipe: MelRecipe = THESIS_MEL) {
    this.#engine = new MelEngine('MelStream', recipe);
    this.bins = this.#engine.bins;
  }

  /**
   * Takes the next mono samples, at the recipe's sample rate.
   *
   * @returns float32 `[new steps, bins]`, often empty for short pieces; the caller's.
   * @throws RangeError for a sample that is not finite; the stream cannot be used afterwards.
   */
  push(samples: Float32Array): Float32Array {
    if (this.#ended) throw new Error('MelStream.push: stream must be open, got one that has ended');
    if (!(samples instanceof Float32Array))
      fail(TypeError, 'MelStream.push', 'samples', 'a Float32Array', typeof samples);
    const out = new Float32Array(this.#engine.stepsAfter(samples.length) * this.bins);
    this.#engine.feed(samples, out, 0);
    return out;
  }

  /**
   * Ends the stream.
   *
   * @returns float32 `[last steps, bins]`: the steps whose windows reach beyond the end.
   * @throws RangeError if the whole audio was too short to be mirrored (below 401 samples for the recipes here).
   */
  end(): Float32Array {
    if (this.#ended) throw new Error('MelStream.end: stream must be open, got one that has ended');
    this.#ended = true;
    const out = new Float32Array(this.#engine.stepsAtEnd() * this.bins);
    this.#engine.finish(out, 0);
    return out;
  }
}
