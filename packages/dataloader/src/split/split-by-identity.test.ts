import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { type IdentifiedClip, splitByIdentity } from './split-by-identity';

/** As many clips of each person as said: `a0`, `a1`, … */
const people = (counts: Record<string, number>): IdentifiedClip[] =>
  Object.entries(counts).flatMap(([identity, count]) => {
    return Array.from({ length: count }, (_, i) => ({ id: `${identity}${i}`, identity }));
  });

const names = (ids: string[]) => [...new Set(ids.map((id) => id.replace(/\d+$/, '')))].sort();

/** The smallest distance from `wished` that any whole people have, by trying all choices. */
function bestDistance(counts: number[], requested: number): number {
  const all = counts.reduce((sum, count) => sum + count, 0);
  let best = Infinity;
  for (let choice = 1; choice < 2 ** counts.length - 1; choice++) {
    const sum = counts.reduce((total, count, i) => total + ((choice >> i) & 1) * count, 0);
    if (sum < all) best = Math.min(best, Math.abs(sum - requested));
  }
  return best;
}

test('whole people go to one side, all clips to one of both, in the order of the input', () => {
  const clips = new Random(1).shuffle(people({ a: 7, b: 4, c: 3, d: 9, e: 5 }));
  const { held, rest, dropped } = splitByIdentity(clips, { validationShare: 0.25 });
  expect(names(held).filter((name) => names(rest).includes(name))).toEqual([]);
  expect([...held, ...rest].sort()).toEqual(clips.map(({ id }) => id).sort());
  expect(held).toEqual(clips.map(({ id }) => id).filter((id) => held.includes(id)));
  expect(held.length).toBe(7);
  expect(dropped).toEqual([]);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'the number of clips held is the nearest to the share that there is (case %i)',
  (seed) => {
    const random = new Random(seed);
    const counts = Array.from({ length: 9 }, () => 1 + random.integer(40));
    const clips = people(Object.fromEntries(counts.map((count, i) => ['abcdefghi'[i], count])));
    for (const validationShare of [0.05, 0.15, 0.3]) {
      const { held } = splitByIdentity(clips, { validationShare, seed });
      // without the largest, which is never held while the others have enough
      const others = [...counts].sort((a, b) => b - a).slice(1);
      const requested = validationShare * clips.length;
      // measured 0
      expect(Math.abs(held.length - requested)).toBeCloseTo(Math.min(bestDistance([...others, 1e6], requested)), 12);
    }
  },
);

test('the same people are held whatever the order of the clips, others for another seed', () => {
  const clips = people(Object.fromEntries(Array.from('abcdefghijklmnopqrst', (name) => [name, 5])));
  const heldBy = (seed: number, order = clips) => names(splitByIdentity(order, { seed }).held).join('');
  expect(heldBy(0, new Random(9).shuffle([...clips]))).toBe(heldBy(0));
  expect(heldBy(0)).toHaveLength(3);
  expect(new Set([0, 1, 2, 3, 4, 5].map((seed) => heldBy(seed))).size).toBeGreaterThan(3);
});

test('the person with the most clips is never held where the others have enough', () => {
  expect(names(splitByIdentity(people({ a: 10, b: 6, c: 6 }), { validationShare: 0.45 }).held)).not.toContain('a');
  for (let seed = 0; seed < 8; seed++) {
    expect(names(splitByIdentity(people({ a: 2, b: 1, c: 1 }), { validationShare: 0.5, seed }).held)).toEqual([
      'b',
      'c',
    ]);
  }
  // 2 of 20 cannot make up 16
  expect(names(splitByIdentity(people({ a: 18, b: 1, c: 1 }), { validationShare: 0.8 }).held)).toContain('a');
});

test('neither side is ever empty, and a cluster may be a number', () => {
  const two = [
    { id: 'x', identity: 0 },
    { id: 'y', identity: 1 },
    { id: 'z', identity: '1' },
  ];
  for (const validationShare of [0.001, 0.5, 0.999]) {
    const { held, rest } = splitByIdentity(two, { validationShare });
    expect([held.length, rest.length].sort()).toEqual([1, 2]);
  }
});

test('one person alone, an id twice, no clips and a share of 1 are refused', () => {
  expect(() => splitByIdentity(people({ anna: 3 }))).toThrow(
    "splitByIdentity: clips must be of two people or more, as nobody may be on both sides, got only 'anna', in all 3",
  );
  expect(() => splitByIdentity([])).toThrow('two people or more, as nobody may be on both sides, got no clips');
  const two = people({ a: 1, b: 1 });
  expect(() => splitByIdentity([...two, { id: 'a0', identity: 'b' }])).toThrow(
    'clips must be of different ids, got a0 twice',
  );
  expect(() => splitByIdentity(two, { validationShare: 1 })).toThrow(
    'validationShare must be above 0 and below 1, got 1',
  );
  expect(() => splitByIdentity(two, { seed: 0.5 })).toThrow('seed must be a whole number, got 0.5');
});
