import type { SyncRecipe } from '@lipsync/contracts';
import { TwoTowerExpert } from '@lipsync/nn';

/**
 * The networks of this package: experts of two towers that always have a recipe.
 *
 * New networks are in evaluation mode, as they serve as experts; call `train()` before training.
 */
export abstract class SyncNetwork extends TwoTowerExpert {
  protected constructor(recipe: SyncRecipe) {
    super(recipe);
  }
}
