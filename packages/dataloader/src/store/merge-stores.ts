import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { detectLayout, type LayoutName } from '../layouts/layouts';
import { splitOptions } from '../prepare/prepare-folder';
import { splitStore } from '../split/split-store';
import { ClipStore, type StoreSplit, type StoreSummary } from './clip-store';

export type MergeOptions = {
  validationShare?: number;
  seed?: number;
  /** Default `auto`. */
  layout?: LayoutName | 'auto';
  /** Hears what is being done. */
  log?: (line: string) => void;
};

/**
 * Ends a preparation that was done in parts: brings the clips of other stores into one, counts them, splits them by people and writes the list.
 *
 * Parts on the same disk are linked, others copied, under a temporary name first; run again it goes on. A video that several parts have done must have
 * come out the same in all.
 *
 * @param into a store, or where one is made.
 * @param parts stores made with the same settings; none where all machines wrote into one folder.
 * @throws Error for a part that was made otherwise, or holds other clips of the same video.
 * @example
 * await mergeStores('clips', ['part-0', 'part-1']);
 */
export async function mergeStores(
  into: string,
  parts: string[],
  options: MergeOptions = {},
): Promise<{ summary: StoreSummary; split?: StoreSplit }> {
  const { layout = 'auto', log = () => {} } = options;
  let store: ClipStore | undefined;
  for (const part of parts) {
    const from = await ClipStore.open(part);
    store = await ClipStore.create(into, from.recipe, from.settings); // refuses other settings
    let taken = 0;
    for (const record of await from.sources()) {
      const before = await store.source(record.source);
      if (before && JSON.stringify(before) !== JSON.stringify(record)) {
        throw new Error(
          `mergeStores: ${record.source} must have come out the same in all parts, got other clips in ${part}`,
        );
      }
      if (before) continue;
      for (const id of record.clips) await bring(from.clipPath(id), store.clipPath(id));
      for (const drop of record.dropped) await store.drop(drop);
      await store.finishSource(record);
      taken++;
    }
    log(`${taken} videos of ${part}`);
  }
  store ??= await ClipStore.open(into);
  const sources = (await store.sources()).map(({ source }) => source);
  const split = await splitStore(store, splitOptions(options, layout === 'auto' ? detectLayout(sources) : layout));
  return { summary: await store.finish(split), split };
}

/** A file under another name: linked where that goes, else copied. */
async function bring(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const temporary = join(dirname(to), `.${basename(to).slice(-100)}.${process.pid}.tmp`);
  await rm(temporary, { force: true });
  await link(from, temporary).catch(() => copyFile(from, temporary));
  await rename(temporary, to);
  await rm(temporary, { force: true }); // where both names were the same file already, rename does nothing
}
