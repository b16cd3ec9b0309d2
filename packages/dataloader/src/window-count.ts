import type { SyncRecipe } from '@lipsync/contracts';
import { melWindowStart } from '@lipsync/audio-mel';

/**
 * How many windows a clip has: starts 0 … count - 1 have all their pictures and all their mel steps.
 *
 * @param frames Pictures in the clip.
 * @param melSteps Mel steps in the clip, from its first picture on.
 * @param stepsPerSecond Mel steps a second. Default 80.
 * @example
 * windowCount(29, 94, recipe); // 20 for 10 pictures and 32 steps
 */
export function windowCount(
  frames: number,
  melSteps: number,
  recipe: Pick<SyncRecipe, 'frames' | 'melSteps' | 'fps'>,
  stepsPerSecond = 80,
): number {
  const { fps } = recipe;
  let count = Math.max(0, frames - recipe.frames + 1);
  while (count > 0 && melWindowStart(count - 1, { fps, stepsPerSecond }) + recipe.melSteps > melSteps) count--;
  return count;
}
