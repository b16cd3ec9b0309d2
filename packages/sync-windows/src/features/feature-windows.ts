import type { Features, SyncRecipe, Waveform } from '@lipsync/contracts';
import { audioWindowStart } from '@lipsync/contracts';
import { atLoudness, featureSteps, type MeasuredLoudness } from './feature-steps';
import { windowOfSteps } from './feature-window';
import type { RowCursor } from './row-cursor';
import { firstWindow } from './window-count';

/**
 * The input of an expert's audio tower at frame after frame, from an audio track that is still being decoded.
 *
 * Holds the features from the last `forget` to the farthest read, and no more of the audio than one piece. `close` it,
 * or the decoder lives on.
 *
 * @example
 * const windows = new FeatureWindows(video.audio(), expert.recipe, { level: video.audioLevel });
 * for (let frame = windows.first; ; frame++) {
 *   const window = await windows.read(frame); // [80, featureSteps]
 *   if (!window) break;
 *   windows.forget(frame);
 * }
 * await windows.close();
 */
export class FeatureWindows {
  /** The first frame whose window does not begin before the audio. */
  readonly first: number;
  readonly #recipe: SyncRecipe;
  readonly #steps: RowCursor;

  /**
   * @param audio 16 kHz mono, or its features, which are taken as they are; begins with frame 0.
   * @param loudness how loud the audio is, where the recipe brings it to a level: what `measureAudio` found in the
   *   whole of it, or `running` for audio without an end.
   */
  constructor(audio: AsyncIterable<Waveform> | Features, recipe: SyncRecipe, loudness?: MeasuredLoudness) {
    this.#recipe = recipe;
    const source =
      'data' in audio ? audio : atLoudness(audio, recipe.loudness, { measured: loudness, where: 'FeatureWindows' });
    this.#steps = featureSteps(source, recipe.features, 'FeatureWindows.read');
    this.first = firstWindow(recipe);
  }

  /**
   * The window of the frames from `frame` on: `[bins, featureSteps]`, float32, a new array; undefined where the audio
   * ends before the window.
   *
   * @throws RangeError before `first`, and for windows that were forgotten.
   */
  async read(frame: number): Promise<Float32Array | undefined> {
    const start = audioWindowStart(this.#recipe, frame);
    const bins = this.#steps.dimension;
    const data = await this.#steps.read(start, start + this.#recipe.featureSteps);
    return data.length < this.#recipe.featureSteps * bins ? undefined : windowOfSteps(data, bins);
  }

  /** Releases what only windows before `frame` need. */
  forget(frame: number): void {
    this.#steps.forget(audioWindowStart(this.#recipe, frame));
  }

  /** Ends the decoding; safe to call twice. */
  close(): Promise<void> {
    return this.#steps.close();
  }
}
