import pLimit from 'p-limit';

/** Maps in order, with at most `limit` calls of `work` pending at a time. */
export async function mapLimited<A, B>(
  items: readonly A[],
  limit: number,
  work: (item: A) => Promise<B>,
): Promise<B[]> {
  const limited = pLimit(limit);
  return Promise.all(items.map((item) => limited(() => work(item))));
}
