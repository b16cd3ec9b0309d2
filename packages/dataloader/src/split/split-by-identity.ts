import { fail } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import type { Split } from './split-by-list';

/** A clip and the person in it: a name, or a cluster's number. `1` and `'1'` are one person. */
export type IdentifiedClip = { id: string; identity: string | number };

export type IdentitySplitOptions = {
  /** Share of the clips to hold for validation, above 0 and below 1. Default 0.15. */
  validationShare?: number;
  /** Seed of the choice among selections equally near to the share. Default 0. */
  seed?: number;
};

/**
 * Holds people for validation, with all of their clips, so that nobody is on both sides.
 *
 * The number of held clips is as near to `validationShare` of all as whole people allow (an exact subset sum), the
 * smaller one where two are equally near. The person with the most clips is never held where the others together have
 * enough. The choice depends on the seed and on the number of clips of each person, not on the order of the input.
 *
 * @param clips each id once.
 * @returns ids in the order of the input, `held` for validation and `rest` for training; neither is empty.
 * @throws RangeError if the share is out of range, fewer than two people are given, or an id comes twice.
 * @example
 * import { splitByIdentity } from '@lipsync/dataloader';
 * const clips = [{ id: 'a', identity: 'Ann' }, { id: 'b', identity: 'Bea' }];
 * const { held, rest } = splitByIdentity(clips, { seed: 1 });
 */
export function splitByIdentity(
  clips: readonly IdentifiedClip[],
  { validationShare = 0.15, seed = 0 }: IdentitySplitOptions = {},
): Split {
  const where = 'splitByIdentity';
  if (!(validationShare > 0 && validationShare < 1)) {
    fail(RangeError, where, 'validationShare', 'above 0 and below 1', validationShare);
  }
  if (!Number.isSafeInteger(seed)) fail(RangeError, where, 'seed', 'a whole number', seed);
  const ids = new Set<string>();
  const counts = new Map<string, number>();
  for (const { id, identity } of clips) {
    if (ids.has(id)) fail(RangeError, where, 'clips', 'of different ids', `${id} twice`);
    ids.add(id);
    counts.set(String(identity), (counts.get(String(identity)) ?? 0) + 1);
  }
  if (counts.size < 2) {
    const got = counts.size === 0 ? 'no clips' : `only '${[...counts.keys()][0]}', in all ${clips.length}`;
    fail(RangeError, where, 'clips', 'of two people or more, as nobody may be on both sides', got);
  }

  const requested = validationShare * clips.length;
  // Sorted first, so that the order drawn by the seed does not depend on the order of the input.
  const people = new Random(seed).shuffle([...counts.keys()].sort((a, b) => (a < b ? -1 : 1)));
  const largest = people.reduce((most, person) => (counts.get(person)! > counts.get(most)! ? person : most));
  const candidates =
    clips.length - counts.get(largest)! >= requested ? people.filter((person) => person !== largest) : people;
  const chosen = nearestSum(
    candidates.map((person) => counts.get(person)!),
    requested,
    clips.length,
  );
  const held = new Set(chosen.map((i) => candidates[i]));
  const side = (wanted: boolean) =>
    clips.filter(({ identity }) => held.has(String(identity)) === wanted).map(({ id }) => id);
  return { held: side(true), rest: side(false), dropped: [] };
}

/**
 * Indices of the numbers whose sum is as near to `requested` as any, above 0 and below `all`; of equally near sums the
 * smaller, and of its selections the one that ends earliest in the list.
 */
function nearestSum(numbers: readonly number[], requested: number, all: number): number[] {
  const smallest = numbers.reduce((least, number) => Math.min(least, number));
  const most = Math.min(all - 1, Math.ceil(requested + Math.abs(requested - smallest)));
  /** Index of the number that completed a sum first, the others of it standing before; -1 for none. */
  const last = new Int32Array(most + 1).fill(-1);
  let reached = 0;
  numbers.forEach((number, i) => {
    for (let sum = Math.min(most, reached + number); sum >= number; sum--) {
      if (last[sum] === -1 && (sum === number || last[sum - number] !== -1)) last[sum] = i;
    }
    reached += number;
  });
  let best = -1;
  for (let sum = 1; sum <= most; sum++) {
    if (last[sum] !== -1 && (best === -1 || Math.abs(sum - requested) < Math.abs(best - requested))) best = sum;
  }
  const chosen: number[] = [];
  for (let sum = best; sum > 0; sum -= numbers[last[sum]]) chosen.push(last[sum]);
  return chosen;
}
