import { expect, test } from 'vitest';
import { numbers } from '../testing/torch-numbers';
import { decodePath } from './decode-path';
import type { Candidate } from './nearest-frames';

test.each([0, 1, 2, 3])('decodePath finds the path that an exhaustive search finds, case %i', (seed) => {
  const costs = numbers(`path ${seed}`, [6, 4], 0, 1);
  const moves = numbers(`moves ${seed}`, [24, 24], 0, 1);
  const steps = Array.from({ length: 6 }, (_, t) =>
    Array.from({ length: 4 }, (_, i): Candidate => ({ frame: 4 * t + i, cost: costs[4 * t + i] })),
  );
  let [best, least] = [[] as number[], Infinity];
  for (let code = 0; code < 4 ** 6; code++) {
    const path = Array.from({ length: 6 }, (_, t) => 4 * t + (Math.floor(code / 4 ** t) % 4));
    const cost = path.reduce((sum, frame, t) => sum + costs[frame] + (t > 0 ? moves[24 * path[t - 1] + frame] : 0), 0);
    if (cost < least) [best, least] = [path, cost];
  }
  const own = decodePath(steps, (from, to) => moves[24 * from + to]);
  expect([...own.frames]).toEqual(best);
  expect(own.cost).toBeCloseTo(least, 9);
});
