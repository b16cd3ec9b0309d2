/**
 * Batches in the order of their steps, some made ahead of the one that is asked for.
 *
 * No more than `prefetch` batches wait: the next one is started only when one is taken.
 *
 * @param make the batch of a step.
 */
export async function* orderedBatches<B>(
  make: (step: number) => Promise<B>,
  { from, prefetch }: { from: number; prefetch: number },
): AsyncGenerator<{ step: number; batch: B }> {
  const waiting: Promise<B>[] = [];
  for (let step = from, next = from; ; step++) {
    for (; next <= step + prefetch; next++) {
      const made = make(next);
      made.catch(() => {}); // reported when it is its turn
      waiting.push(made);
    }
    yield { step, batch: await waiting.shift()! };
  }
}

/** Runs one call after the other, in the order in which they were made. */
export function oneAtATime<A, B>(work: (input: A) => Promise<B>): (input: A) => Promise<B> {
  let last: Promise<unknown> = Promise.resolve();
  return (input) => {
    const result = last.then(() => work(input));
    last = result.catch(() => {});
    return result;
  };
}
