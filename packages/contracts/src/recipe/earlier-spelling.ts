/** Names of earlier versions and what they are now. */
const RENAMED: Readonly<Record<string, string>> = { frames: 'frameCount', mel: 'features', melSteps: 'featureSteps' };

const SIDE = /^(\d+(?:\.\d+)?) \* max\(eye distance, 0\.95 \* eye-to-mouth\)$/;

/** A copy of a record with the keys of `names` renamed; values that are no records come back as they are. */
export function renameKeys(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [Object.hasOwn(names, key) ? names[key] : key, entry]),
  );
}

/** A crop as it is spelled now: `side` was once `1.18 * max(eye distance, 0.95 * eye-to-mouth)`. */
export function upgradeCrop(value: unknown): unknown {
  const side = SIDE.exec(String((value as { side?: unknown } | null)?.side));
  return side ? { ...(value as object), side: Number(side[1]) } : value;
}

/**
 * A recipe, or the recipe of a store, as it is spelled now; what was written by this version comes back unchanged. Nothing is checked.
 *
 * @example
 * upgradeRecipe({ frames: 5, mel: 'THESIS_MEL', melSteps: 16 }); // { frameCount: 5, features: 'THESIS_MEL', featureSteps: 16 }
 */
export function upgradeRecipe(value: unknown): unknown {
  const recipe = renameKeys(value, RENAMED) as { crop?: unknown };
  if (typeof recipe !== 'object' || recipe === null || !('crop' in recipe)) return recipe;
  return { ...recipe, crop: upgradeCrop(recipe.crop) };
}
