import { detectLayout, LAYOUTS, type LayoutName } from '../layouts/layouts';
import { splitStore } from '../split/split-store';
import type { StoreSplit, StoreSummary } from '../store/clip-store';
import { listVideos } from './list-videos';
import type { PrepareResult } from './prepare-video';
import { startPrepareWorker } from './prepare-worker';
import { openPreparer, openStore, type PrepareFolderOptions } from './preparer';

export type PrepareEvent =
  | { kind: 'start'; videos: number; alreadyDone: number; layout: LayoutName }
  | { kind: 'video'; result: PrepareResult; done: number; videos: number }
  | { kind: 'done'; summary: StoreSummary; split?: StoreSplit };

/**
 * Prepares every video of a folder: clips of faces with their audio in a store that training reads.
 *
 * A broken, silent, faceless or too short video is recorded with its reason and passed over. Runs as far as it is iterated;
 * killed and started again it goes on, and the store ends in the same bytes whatever the number of jobs. With a `shard` its part of the videos is
 * prepared and the list of clips is left to `mergeStores`.
 *
 * @example
 * for await (const event of prepareFolder({ input: 'videos', store: 'clips', recipe: recipeOf(LITE) })) {
 *   if (event.kind === 'video') console.log(event.result.source, event.result.clips.length);
 * }
 */
export async function* prepareFolder(options: PrepareFolderOptions): AsyncGenerator<PrepareEvent> {
  const { input, jobs = 1, shard } = options;
  const { folder, sources: all } = await listVideos(input);
  const layout = options.layout === undefined || options.layout === 'auto' ? detectLayout(all) : options.layout;
  const sources = shard ? all.filter((_, i) => i % shard.count === shard.index) : all;
  const store = await openStore(options);
  const waiting: string[] = [];
  for (const source of sources) if (!(await store.source(source))) waiting.push(source);
  const videos = sources.length;
  let done = videos - waiting.length;
  yield { kind: 'start', videos, alreadyDone: done, layout };

  const count = Math.min(jobs, waiting.length);
  const plain = { ...options, layout };
  const workers = await Promise.all(
    Array.from({ length: count }, () => (jobs === 1 ? openPreparer(folder, plain) : startPrepareWorker(folder, plain))),
  );
  // Each worker takes the next video as soon as it is free; results come in the order in which they are done.
  const busy = new Map<number, Promise<{ worker: number; result: PrepareResult }>>();
  const give = (worker: number) => {
    const source = waiting.shift();
    if (source === undefined) busy.delete(worker);
    else
      busy.set(
        worker,
        workers[worker].prepare(source).then((result) => ({ worker, result })),
      );
  };
  try {
    workers.forEach((_, worker) => give(worker));
    while (busy.size > 0) {
      const { worker, result } = await Promise.race(busy.values());
      give(worker);
      yield { kind: 'video', result, done: ++done, videos };
    }
  } finally {
    for (const pending of busy.values()) pending.catch(() => {}); // one error is enough
    for (const worker of workers) worker.close();
  }
  if (shard) {
    yield { kind: 'done', summary: await store.summary() };
    return;
  }
  const split = await splitStore(store, splitOptions(options, layout));
  yield { kind: 'done', summary: await store.finish(split), split };
}

/** How a store is split: by the data set's own word where its layout has one. */
export function splitOptions(
  { validationShare, seed }: Pick<PrepareFolderOptions, 'validationShare' | 'seed'>,
  layout: LayoutName,
) {
  return { validationShare, seed, given: (source: string) => LAYOUTS[layout].describe(source).split };
}
