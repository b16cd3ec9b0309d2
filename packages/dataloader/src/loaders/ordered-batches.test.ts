import { expect, test } from 'vitest';
import { oneAtATime, orderedBatches } from './ordered-batches';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('batches come in order though they are done in any, and no more than asked for are made ahead', async () => {
  let asked = 0;
  const taken: [number, number][] = [];
  const make = async (step: number) => {
    asked++;
    await wait(step % 3 === 0 ? 6 : 1);
    return step * 10;
  };
  for await (const { step, batch } of orderedBatches(make, { from: 5, prefetch: 2 })) {
    taken.push([step, batch]);
    await wait(8); // a slow consumer is not run over
    expect(asked).toBeLessThanOrEqual(taken.length + 2);
    if (step === 10) break;
  }
  expect(taken).toEqual([5, 6, 7, 8, 9, 10].map((step) => [step, step * 10]));
});

test('an error comes with its own batch; errors of prefetched batches are not unhandled', async () => {
  const make = (step: number) => (step >= 2 ? Promise.reject(new Error(`step ${step}`)) : Promise.resolve(step));
  const seen: number[] = [];
  await expect(async () => {
    for await (const { step } of orderedBatches(make, { from: 0, prefetch: 4 })) seen.push(step);
  }).rejects.toThrow('step 2');
  expect(seen).toEqual([0, 1]);
});

test('oneAtATime never runs two calls at once, and continues after an error', async () => {
  let running = 0;
  const work = oneAtATime(async (input: number) => {
    expect(++running).toBe(1);
    await wait(2);
    running--;
    if (input === 1) throw new Error('one');
    return input;
  });
  const results = await Promise.allSettled([work(0), work(1), work(2)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
