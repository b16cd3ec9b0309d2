import { audioWindowStart } from '@lipsync/contracts';
import type { SyncRecipe } from '@lipsync/contracts';

/**
 * How many windows a clip has: starts 0 … count - 1 have all their pictures and all their mel steps.
 *
 * @param frames Pictures in the clip.
 * @param melSteps Mel steps in the clip, from its first picture on.
 * @example
 * windowCount(29, 94, recipe); // 20 for 10 pictures and 32 steps
 */
export function windowCount(
  frames: number,
  melSteps: number,
  recipe: Pick<SyncRecipe, 'frames' | 'melSteps' | 'fps' | 'mel'>,
): number {
  let count = Math.max(0, frames - recipe.frames + 1);
  while (count > 0 && audioWindowStart(recipe, count - 1) + recipe.melSteps > melSteps) count--;
  return count;
}
