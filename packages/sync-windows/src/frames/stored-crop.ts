import { fail, type SimilarityCrop, type StoredCrop, type SyncRecipe } from '@lipsync/contracts';

/**
 * The part of a stored frame that a network takes, as a fraction of its side; 1 where both crops are the same.
 *
 * @throws TypeError where the network's crop cannot be taken out of the stored one: another kind, centre or smoothing,
 * or a wider side. Crops other than `similarity` may differ in `rows` only, as all rows are stored.
 * @example
 * viewFraction(stored, recipe.crop); // 1.18 / 1.9
 */
export function viewFraction(stored: StoredCrop, wanted: SyncRecipe['crop']): number {
  if (stored.kind === 'similarity' && wanted.kind === 'similarity') {
    const differs = (['centre', 'upright', 'window'] as const).find((key) => stored[key] !== wanted[key]);
    if (differs)
      fail(
        TypeError,
        'viewFraction',
        `wanted.${differs}`,
        `"${stored[differs]}", as the frames were stored`,
        wanted[differs],
      );
    const fraction = wanted.side / stored.side;
    if (fraction > 1) fail(TypeError, 'viewFraction', 'wanted.side', `at most the stored ${stored.side}`, wanted.side);
    return fraction;
  }
  const [left, right] = [stored, wanted].map((crop) =>
    JSON.stringify(
      Object.entries(crop)
        .filter(([key]) => key !== 'rows')
        .sort(),
    ),
  );
  if (left !== right) fail(TypeError, 'viewFraction', 'wanted', `the stored crop ${JSON.stringify(stored)}`, wanted);
  return 1;
}

/**
 * Whether a network's frames can be taken out of the stored ones.
 *
 * @example
 * canView(store.recipe.crop, expert.recipe.crop);
 */
export function canView(stored: StoredCrop, wanted: SyncRecipe['crop']): boolean {
  try {
    viewFraction(stored, wanted);
    return true;
  } catch {
    return false;
  }
}

const STORED_SIDE = 1.9;

/**
 * The crop in which clips are stored for a network: for a similarity crop twice its pixels and a side of 1.9, which
 * leaves room to rotate and shift it in training; for other crops, or a wider one, the network's own with all its rows.
 *
 * Scoring uses the same two samplings as training, so that a network gets the same input in both.
 *
 * @example
 * const stored = storedCropFor(expert.recipe.crop);
 */
export function storedCropFor(crop: SyncRecipe['crop']): StoredCrop {
  if ('rows' in crop) return { ...crop, rows: 'all' };
  if (crop.kind !== 'similarity' || crop.side >= STORED_SIDE) return crop;
  const stored: SimilarityCrop = { ...crop, side: STORED_SIDE, size: 2 * crop.size };
  return stored;
}
