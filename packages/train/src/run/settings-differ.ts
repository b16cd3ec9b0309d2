/**
 * What differs between the settings of two runs, in words; empty where nothing does. Settings that are left out and
 * undefined ones are the same.
 */
export function settingsDiffer(before: Record<string, unknown>, now: Record<string, unknown>): string {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (key) => JSON.stringify(before[key], explicit) !== JSON.stringify(now[key], explicit),
  );
  const show = (value: unknown) => (Array.isArray(value) ? `${value.length} clips` : JSON.stringify(value));
  return keys.map((key) => `${key} was ${show(before[key])}, is ${show(now[key])}`).join('; ');
}

/** Recipes of earlier versions did not say that they leave the loudness as it is. */
const explicit = (key: string, value: unknown) => (key === 'loudness' && value === 'none' ? undefined : value);
