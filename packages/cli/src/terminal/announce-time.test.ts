import { expect, test } from 'vitest';
import { announceTime } from './announce-time';

function linesOf(total: number, msPerStep: number, from = 1) {
  const lines: string[] = [];
  let clock = 0;
  const after = announceTime(
    total,
    (line) => lines.push(line),
    () => clock,
  );
  for (let step = from; step < from + 10; step++) {
    after(step);
    clock += msPerStep;
  }
  return lines;
}

test('announceTime says once how long a long run takes', () => {
  expect(linesOf(1000, 5600)).toEqual([
    'about 1 h 32 min for the steps to 1000 (5.6 s a step); stop at any moment, the same command resumes; --steps makes it shorter',
  ]);
  expect(linesOf(10_004, 20)[0]).toContain('about 3 min 20 s for the steps to 10004 (50 steps a second)');
});

test('announceTime counts what is left of a resumed run, and is silent for a short one', () => {
  expect(linesOf(1000, 1000, 500)[0]).toContain('about 8 min 17 s ');
  expect(linesOf(1000, 1000, 950)).toEqual([]);
  expect(linesOf(2, 60_000)).toEqual([]);
});
