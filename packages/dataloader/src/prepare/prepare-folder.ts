import { detectLayout, type LayoutName } from '../layouts/layouts';
import { splitOptions, splitStore } from '../split/split-store';
import type { StoreSplit, StoreSummary } from '../store/store-records';
import { listVideos } from './list-videos';
import type { PrepareResult } from './prepare-video';
import { startPrepareWorker } from './prepare-worker';
import { openPreparer, openStore, type PrepareFolderOptions, type Preparer } from './preparer';

/** What `prepareFolder` yields, in order: one start, one event for each video, one end. */
export type PrepareEvent =
  | { kind: 'start'; videos: number; alreadyDone: number; layout: LayoutName }
  | { kind: 'video'; result: PrepareResult; done: number; videos: number }
  | { kind: 'done'; summary: StoreSummary; split?: StoreSplit };

/**
 * Builds a training set from a folder of videos: clips of faces with their audio, in a store that training reads.
 *
 * A broken, silent, faceless or too short video is recorded with its reason and skipped. Work is done only as far as
 * the events are pulled; a preparation that was killed resumes when it is started again, and the store ends in the same
 * bytes whatever the number of jobs. With a `shard` only its part of the videos is prepared, and the split and the
 * manifest are left to `mergeStores`.
 *
 * @returns events: `start`, one `video` each in the order in which they are done, `done`.
 * @throws Error for a store that was prepared otherwise (it names the differing settings) or by an earlier version;
 *   TypeError for weights of no sync network, or of one whose input is not known; Error where a worker process dies,
 *   with the video that it was preparing.
 * @example
 * import { LITE, recipeOf } from '@lipsync/avalignnet';
 * import { prepareFolder } from '@lipsync/dataloader';
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

  const plain = { ...options, layout };
  const start = () => (jobs === 1 ? openPreparer(folder, plain) : startPrepareWorker(folder, plain));
  const preparers = await Promise.all(Array.from({ length: Math.min(jobs, waiting.length) }, start));
  for await (const result of prepareAll(preparers, waiting)) {
    yield { kind: 'video', result, done: ++done, videos };
  }
  if (shard) {
    yield { kind: 'done', summary: await store.summary() };
    return;
  }
  const split = await splitStore(store, splitOptions(options, layout));
  yield { kind: 'done', summary: await store.finish(split), split };
}

/**
 * Results in the order in which they are done; each preparer takes the next video as soon as it is free. Closes the
 * preparers.
 */
async function* prepareAll(preparers: readonly Preparer[], sources: readonly string[]): AsyncGenerator<PrepareResult> {
  const waiting = [...sources];
  const pending = new Map<Preparer, Promise<{ preparer: Preparer; result: PrepareResult }>>();
  const prepareNext = (preparer: Preparer) => {
    const source = waiting.shift();
    if (source === undefined) pending.delete(preparer);
    else
      pending.set(
        preparer,
        preparer.prepare(source).then((result) => ({ preparer, result })),
      );
  };
  try {
    for (const preparer of preparers) prepareNext(preparer);
    while (pending.size > 0) {
      const { preparer, result } = await Promise.race(pending.values());
      prepareNext(preparer);
      yield result;
    }
  } finally {
    for (const work of pending.values()) work.catch(() => {}); // one error is enough
    for (const preparer of preparers) preparer.close();
  }
}
