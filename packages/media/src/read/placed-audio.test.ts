import { expect, test } from 'vitest';
import { placedAudio } from './placed-audio';

/** Runs of ten samples of the value of their number, at these places; one second is 1000 samples. */
async function joined(places: number[], from = 0): Promise<number[]> {
  async function* runs() {
    for (const [index, at] of places.entries()) yield { samples: new Float32Array(10).fill(index + 1), at };
  }
  const all: number[] = [];
  for await (const piece of placedAudio(runs(), { from, sampleRate: 1000 })) all.push(...piece);
  return all;
}
const run = (value: number, length = 10) => Array<number>(length).fill(value);

test('placedAudio puts runs one after the other, and silence where one is missing', async () => {
  expect(await joined([0, 10, 20])).toEqual([...run(1), ...run(2), ...run(3)]);
  expect(await joined([5, 15, 45])).toEqual([...run(0, 5), ...run(1), ...run(2), ...run(0, 20), ...run(3)]);
});

test('placedAudio leaves out what comes before the first wanted sample, and what is there twice', async () => {
  expect(await joined([0, 10, 20], 15)).toEqual([...run(2, 5), ...run(3)]);
  expect(await joined([0, 10, 10, 20])).toEqual([...run(1), ...run(2), ...run(4)]);
});

test('placedAudio lets rounded times follow the run before, and does not add them up', async () => {
  expect(await joined([0, 12, 19, 31])).toEqual([...run(1), ...run(2), ...run(3), ...run(4)]);
  const slow = Array.from({ length: 100 }, (_, index) => 11 * index); // each one sample late
  expect(Math.abs((await joined(slow)).length - 1099)).toBeLessThanOrEqual(4);
});

test('placedAudio puts a single stray run in line', async () => {
  for (const stray of [5000, -5000])
    expect(await joined([0, 10, stray, 30])).toEqual([1, 2, 3, 4].flatMap((value) => run(value)));
  expect(await joined([0, Number.NaN, 20])).toEqual([...run(1), ...run(2), ...run(3)]);
});

test('placedAudio gives pieces of one second', async () => {
  async function* runs() {
    yield { samples: new Float32Array(2500), at: 0 };
  }
  const lengths: number[] = [];
  for await (const { length } of placedAudio(runs(), { from: 0, sampleRate: 1000 })) lengths.push(length);
  expect(lengths).toEqual([1000, 1000, 500]);
});
