import type { SyncRecipe } from '@lipsync/contracts';
import { audioWindowStart } from '@lipsync/contracts';

/**
 * The first frame whose window does not begin before the audio: 0, but for features that are centred on the frames.
 *
 * @example
 * firstWindow({ features: 'ASR_LOGITS', fps: 25, frameCount: 5, featureSteps: 9 }); // 2
 */
export function firstWindow(recipe: Pick<SyncRecipe, 'frameCount' | 'featureSteps' | 'fps' | 'features'>): number {
  let first = 0;
  while (audioWindowStart(recipe, first) < 0) first++;
  return first;
}

/**
 * Where the windows of a clip end: starts below it have all their frames, and feature steps up to their last one. The
 * first start is `firstWindow(recipe)`.
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
