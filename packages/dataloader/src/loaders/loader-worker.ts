import { parentPort, workerData } from 'node:worker_threads';
import type { SyncRecipe } from '@lipsync/contracts';
import type { DinetBatchOptions } from '../sampling/dinet-batch-maker';
import { DinetBatchMaker } from '../sampling/dinet-batch-maker';
import type { SyncBatchOptions } from '../sampling/sync-batch-maker';
import { SyncBatchMaker } from '../sampling/sync-batch-maker';
import { ClipStore } from '../store/clip-store';

/** What a thread makes batches of. */
export type WorkerSetup = { folder: string; cacheBytes: number } & (
  | { kind: 'sync'; recipe: SyncRecipe; options: SyncBatchOptions }
  | { kind: 'dinet'; options: DinetBatchOptions }
);

/** What a thread answers to the number of a step. */
export type WorkerAnswer<B> = { step: number } & ({ batch: B } | { error: { name: string; message: string } });

/** The thread of `BatchWorkers`: a step comes in, its batch goes out. */
const setup = workerData as WorkerSetup;
const maker = ClipStore.open(setup.folder, { cacheBytes: setup.cacheBytes }).then((store) =>
  setup.kind === 'sync'
    ? new SyncBatchMaker(store, setup.recipe, setup.options)
    : new DinetBatchMaker(store, setup.options),
);
let last: Promise<void> = Promise.resolve();
parentPort!.on('message', (step: number) => {
  // One after the other, so that no more than one batch is being cut at a time.
  last = last.then(async () => {
    try {
      const batch = await (await maker).make(step);
      const arrays = Object.values(batch).filter((value) => value instanceof Float32Array);
      parentPort!.postMessage(
        { step, batch },
        arrays.map((array) => array.buffer as ArrayBuffer),
      );
    } catch (error) {
      const { name, message } = error as Error;
      parentPort!.postMessage({ step, error: { name, message } });
    }
  });
});
