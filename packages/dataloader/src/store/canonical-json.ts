/** Order of strings by code unit: the same on every machine and in every locale. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A copy with the keys of all records sorted and those of undefined values left out, so that equal data has equal JSON. */
export function sortedKeys<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => byCodeUnit(a, b)).map(([key, entry]) => [key, sortedKeys(entry as unknown)]),
  ) as T;
}
