import { fail } from '../common/fail';
import { assertSyncRecipe, recipeDifferences, type SyncRecipe } from './recipe';

/**
 * The recipe of a weights file: from its metadata or, where that has none, from the caller. Where both have one, they
 * must agree.
 *
 * @param where names the caller's function in errors.
 * @param text the file's recipe as JSON; undefined where the file has none.
 * @param given the caller's recipe.
 * @returns undefined where there is neither.
 * @throws Error that names each field in which they differ, with both values; or that the text is not JSON or not a
 *   recipe.
 * @example
 * const recipe = agreeOnRecipe('loadExpert', metadata.recipe, options.recipe);
 */
export function agreeOnRecipe(
  where: string,
  text: string | undefined,
  given: SyncRecipe | undefined,
): SyncRecipe | undefined {
  if (text === undefined) return given;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    fail(Error, where, "the file's recipe metadata", 'JSON', text);
  }
  const own = assertSyncRecipe(where, value);
  if (given === undefined) return own;
  const differences = recipeDifferences(own, assertSyncRecipe(where, given));
  if (differences.length > 0) {
    const at = (recipe: SyncRecipe) =>
      differences.map((name) => `${name} ${JSON.stringify(pick(recipe, name))}`).join(', ');
    fail(Error, where, 'options.recipe', `the file's (${at(own)})`, at(given));
  }
  return own;
}

/** The value at a path: `crop.size` of `{ crop: { size } }`. */
function pick(recipe: SyncRecipe, name: string): unknown {
  return name.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], recipe);
}
