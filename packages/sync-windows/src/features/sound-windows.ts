import { audioWindowStart } from '@lipsync/contracts';
import type { SyncRecipe, Waveform } from '@lipsync/contracts';
import { MelCursor } from './mel-cursor';
import { cutMelWindow } from './mel-window';

/**
 * The audio tower's input at picture after picture, from a sound that is still being decoded.
 *
 * Holds the features from the last `forget` to the farthest read.
 *
 * @example
 * const windows = new SoundWindows(video.audio(), expert.recipe);
 * for (let frame = windows.first, mel; (mel = await windows.read(frame)); frame++) windows.forget(frame);
 * await windows.close();
 */
export class SoundWindows {
  /** The first picture whose window does not begin before the sound. */
  readonly first: number;
  readonly #recipe: SyncRecipe;
  readonly #cursor: MelCursor;

  /** @param sound From the picture on that is counted as 0. */
  constructor(sound: AsyncIterable<Waveform>, recipe: SyncRecipe) {
    this.#recipe = recipe;
    this.#cursor = new MelCursor(sound, recipe.mel);
    let first = 0;
    while (audioWindowStart(recipe, first) < 0) first++; // features that stand around the pictures begin before them
    this.first = first;
  }

  /**
   * The window of the pictures from `frame` on: `[bins, melSteps]`, float32, a new array; undefined where the sound ends before its end.
   *
   * @throws RangeError before `first` or what was forgotten.
   */
  async read(frame: number): Promise<Float32Array | undefined> {
    const sound = await this.#cursor.read(audioWindowStart(this.#recipe, frame), this.#recipe.melSteps);
    if (sound.steps < this.#recipe.melSteps) return undefined;
    return cutMelWindow(sound, 0, { recipe: this.#recipe });
  }

  /** Lets go of what only windows before `frame` need. */
  forget(frame: number): void {
    this.#cursor.forget(audioWindowStart(this.#recipe, frame));
  }

  /** Ends the decoding; safe to call twice. */
  close(): Promise<void> {
    return this.#cursor.close();
  }
}
