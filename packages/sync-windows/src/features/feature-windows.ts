import type { SyncRecipe, Waveform } from '@lipsync/contracts';
import { audioWindowStart } from '@lipsync/contracts';
import { FeatureCursor } from './feature-cursor';
import { cutFeatureWindow } from './feature-window';

/**
 * The audio tower's input at frame after frame, from an audio track that is still being decoded.
 *
 * Holds the features from the last `forget` to the farthest read.
 *
 * @example
 * const windows = new AudioWindows(video.audio(), expert.recipe);
 * for (let frame = windows.first, mel; (mel = await windows.read(frame)); frame++) windows.forget(frame);
 * await windows.close();
 */
export class AudioWindows {
  /** The first frame whose window does not begin before the audio. */
  readonly first: number;
  readonly #recipe: SyncRecipe;
  readonly #cursor: FeatureCursor;

  /** @param audio From the frame on that is counted as 0. */
  constructor(audio: AsyncIterable<Waveform>, recipe: SyncRecipe) {
    this.#recipe = recipe;
    this.#cursor = new FeatureCursor(audio, recipe.features);
    let first = 0;
    while (audioWindowStart(recipe, first) < 0) first++; // features that stand around the frames begin before them
    this.first = first;
  }

  /**
   * The window of the frames from `frame` on: `[bins, featureSteps]`, float32, a new array; undefined where the audio ends before its end.
   *
   * @throws RangeError before `first` or what was forgotten.
   */
  async read(frame: number): Promise<Float32Array | undefined> {
    const audio = await this.#cursor.read(audioWindowStart(this.#recipe, frame), this.#recipe.featureSteps);
    if (audio.steps < this.#recipe.featureSteps) return undefined;
    return cutFeatureWindow(audio, 0, { recipe: this.#recipe });
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
