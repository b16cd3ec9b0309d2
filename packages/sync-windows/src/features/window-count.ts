import type { SyncRecipe } from '@lipsync/contracts';
import { audioWindowStart } from '@lipsync/contracts';

/**
 * How many windows a clip has: starts 0 … count - 1 have all their frames and all their feature steps.
 *
 * @param frameCount frames in the clip.
 * @param featureSteps feature steps in the clip, from its first frame on.
 * @example
 * windowCount(29, 94, recipe); // 20 for 10 frames and 32 steps
 */
export function windowCount(
  frameCount: number,
  featureSteps: number,
  recipe: Pick<SyncRecipe, 'frameCount' | 'featureSteps' | 'fps' | 'features'>,
): number {
  let count = Math.max(0, frameCount - recipe.frameCount + 1);
  while (count > 0 && audioWindowStart(recipe, count - 1) + recipe.featureSteps > featureSteps) count--;
  return count;
}
