import type { StoreRecipe } from './clip';

/** One value in which two stores differ: its dotted name, such as `settings.preparation.minFrames`, and the value of each. */
export type StoreDifference = { name: string; first: unknown; second: unknown };

type Comparable = StoreRecipe & { settings: Record<string, unknown> };

/** The values in which two stores differ, by name; undefined stands for a value that is missing. */
export function storeDifferences(first: Comparable, second: Comparable): StoreDifference[] {
  const [a, b] = [leavesOf(comparable(first)), leavesOf(comparable(second))];
  const names = [...new Set([...a.keys(), ...b.keys()])].sort();
  return names
    .filter((name) => JSON.stringify(a.get(name)) !== JSON.stringify(b.get(name)))
    .map((name) => ({ name, first: a.get(name), second: b.get(name) }));
}

/** `settings.segmentSec 10, fps 25`: the values of one side. */
export function describeDifferences(differences: readonly StoreDifference[], side: 'first' | 'second'): string {
  return differences.map((entry) => `${entry.name} ${JSON.stringify(entry[side]) ?? 'missing'}`).join(', ');
}

const comparable = ({ crop, features, stepsPerSecond, bins, fps, settings }: Comparable) => ({
  crop,
  features,
  stepsPerSecond,
  bins,
  fps,
  settings,
});

function leavesOf(value: object, prefix = ''): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) leaves.set(prefix + key, entry);
    else for (const [name, leaf] of leavesOf(entry, `${prefix}${key}.`)) leaves.set(name, leaf);
  }
  return leaves;
}
