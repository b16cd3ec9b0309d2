import type { SyncRecipe } from '@lipsync/contracts';
import { Tinypool } from 'tinypool';
import type { DinetBatchOptions, PlainDinetBatch } from '../sampling/dinet-batch-maker';
import { DinetBatchMaker } from '../sampling/dinet-batch-maker';
import type { PlainSyncBatch, SyncBatchOptions } from '../sampling/sync-batch-maker';
import { SyncBatchMaker } from '../sampling/sync-batch-maker';
import { ClipStore } from '../store/clip-store';

/** What a thread makes batches of. */
export type WorkerSetup = { folder: string; cacheBytes: number } & (
  | { kind: 'sync'; recipe: SyncRecipe; options: SyncBatchOptions }
  | { kind: 'dinet'; options: DinetBatchOptions }
);

const setup = Tinypool.workerData as WorkerSetup;
const maker = ClipStore.open(setup.folder, { cacheBytes: setup.cacheBytes }).then((store) =>
  setup.kind === 'sync'
    ? new SyncBatchMaker(store, setup.recipe, setup.options)
    : new DinetBatchMaker(store, setup.options),
);
maker.catch(() => {}); // reported with the first batch

/** The task of a thread of `BatchWorkers`: the batch of a step, as tinypool's message that transfers its arrays. */
export default async function makeBatch(step: number): Promise<unknown> {
  const batch: PlainSyncBatch | PlainDinetBatch = await (await maker).make(step);
  const arrays = Object.values(batch).filter((value) => value instanceof Float32Array);
  return Tinypool.move({
    [Tinypool.transferableSymbol]: arrays.map((array) => array.buffer),
    [Tinypool.valueSymbol]: batch,
  } as never);
}
