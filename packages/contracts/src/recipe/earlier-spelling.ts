/** Present names of fields by their earlier ones. */
const RENAMED: Readonly<Record<string, string>> = { frames: 'frameCount', mel: 'features', melSteps: 'featureSteps' };

const SIDE = /^(\d+(?:\.\d+)?) \* max\(eye distance, 0\.95 \* eye-to-mouth\)$/;

/**
 * A copy of a record with its keys renamed; other values are returned as they are.
 *
 * @param names present name by earlier name.
 * @example
 * renameKeys({ frames: 5, fps: 25 }, { frames: 'frameCount' }); // { frameCount: 5, fps: 25 }
 */
export function renameKeys(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [Object.hasOwn(names, key) ? names[key] : key, entry]),
  );
}

/** A crop in the present spelling: `side` was once the text `1.18 * max(eye distance, 0.95 * eye-to-mouth)`. */
function upgradeCrop(value: unknown): unknown {
  const side = SIDE.exec(String((value as { side?: unknown } | null)?.side));
  return side ? { ...(value as object), side: Number(side[1]) } : value;
}

/**
 * The recipe of a weights file or of a store in the present spelling; one that has it already is returned unchanged.
 * Nothing is checked.
 *
 * @example
 * upgradeRecipe({ frames: 5, mel: 'THESIS_MEL', melSteps: 16 }); // { frameCount: 5, features: 'THESIS_MEL', featureSteps: 16 }
 */
export function upgradeRecipe(value: unknown): unknown {
  const recipe = renameKeys(value, RENAMED) as { crop?: unknown };
  if (typeof recipe !== 'object' || recipe === null || !('crop' in recipe)) return recipe;
  return { ...recipe, crop: upgradeCrop(recipe.crop) };
}
