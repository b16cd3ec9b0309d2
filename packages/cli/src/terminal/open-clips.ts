import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ClipStore, type ClipStoreOptions } from '@lipsync/dataloader';
import { UsageError } from './command';

/**
 * The prepared clips in a folder that the command line names.
 *
 * @param options `name` of the argument or option, default CLIPS.
 * @throws UsageError where it is no folder that `lipsync prepare` made.
 */
export async function openClips(
  folder: string,
  { name = 'CLIPS', ...options }: ClipStoreOptions & { name?: string } = {},
): Promise<ClipStore> {
  const reason = await whyNoClips(folder);
  if (reason !== undefined)
    throw new UsageError(`${name} must be a folder made by lipsync prepare, got ${folder}: ${reason}`);
  return ClipStore.open(resolve(folder), options);
}

async function whyNoClips(folder: string): Promise<string | undefined> {
  const entry = await stat(folder).catch(() => undefined);
  if (!entry) return 'there is no such folder';
  if (!entry.isDirectory()) return 'that is a file';
  const header = await stat(join(folder, 'store.json')).catch(() => undefined);
  return header ? undefined : 'it has no store.json';
}

/** Refuses a file where a folder is written. */
export async function assertOutFolder(out: string): Promise<void> {
  const entry = await stat(out).catch(() => undefined);
  if (entry && !entry.isDirectory()) throw new UsageError(`--out must be a folder, got ${out}: that is a file`);
}
