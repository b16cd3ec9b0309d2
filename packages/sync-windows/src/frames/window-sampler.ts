import type { StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { frameShape } from '@lipsync/contracts';
import { makeView, sampleFrames, toRecipeValues, type View } from './view';

/**
 * Turns the crops of one face, one by one, into windows of frames for a visual tower.
 *
 * Each crop is sampled once, however many windows show it. The windows equal those of `cutMouthWindow`, bit for bit
 * (see the test).
 *
 * @example
 * const sampler = new WindowSampler(storedCropFor(recipe.crop), recipe);
 * for (const crop of crops) {
 *   const window = sampler.push(crop); // [height, width, frameCount * 3] of the last frameCount crops
 *   if (window) await scorer.update({ frames: window, features });
 * }
 */
export class WindowSampler {
  readonly #recipe: Pick<SyncRecipe, 'frameCount' | 'crop' | 'color' | 'range'>;
  readonly #view: View | undefined;
  /** The latest frames, each `[height, width, 3]`, frame k at `k % frameCount`. */
  readonly #ring: Float32Array[];
  #count = 0;

  /**
   * @param stored how the crops are cut; `'recipe'`: as the recipe says, nothing is resampled.
   * @throws TypeError where the recipe's crop cannot be taken out of the stored one.
   */
  constructor(stored: StoredCrop | 'recipe', recipe: Pick<SyncRecipe, 'frameCount' | 'crop' | 'color' | 'range'>) {
    const { height, width } = frameShape(recipe.crop);
    this.#recipe = recipe;
    this.#view = stored === 'recipe' ? undefined : makeView(stored, recipe.crop);
    this.#ring = Array.from({ length: recipe.frameCount }, () => new Float32Array(height * width * 3));
  }

  /**
   * Takes the next crop.
   *
   * @param crop RGB, 0..255, `[height, width, 3]` of the stored crop; not kept.
   * @returns the window that ends with this crop, a new array; undefined for the first `frameCount - 1` crops.
   */
  push(crop: Uint8Array): Float32Array | undefined {
    const { frameCount } = this.#recipe;
    const latest = this.#ring[this.#count % frameCount];
    sampleFrames(crop, 1, this.#view, latest);
    toRecipeValues(latest, this.#recipe);
    this.#count++;
    if (this.#count < frameCount) return undefined;
    const window = new Float32Array(latest.length * frameCount);
    for (let t = 0; t < frameCount; t++) {
      const frame = this.#ring[(this.#count + t) % frameCount];
      for (let from = 0, to = t * 3; from < frame.length; from += 3, to += frameCount * 3) {
        window[to] = frame[from];
        window[to + 1] = frame[from + 1];
        window[to + 2] = frame[from + 2];
      }
    }
    return window;
  }
}
