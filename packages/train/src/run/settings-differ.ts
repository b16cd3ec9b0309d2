/** What differs between the settings of two runs, each as JSON, in words. */
export function settingsDiffer(before: string, now: string): string {
  const [a, b] = [JSON.parse(before), JSON.parse(now)] as Record<string, unknown>[];
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]),
  );
  const show = (value: unknown) => (Array.isArray(value) ? `${value.length} clips` : JSON.stringify(value));
  return keys.map((key) => `${key} was ${show(a[key])}, is ${show(b[key])}`).join('; ');
}
