import { fail } from '@lipsync/contracts';
import { parseClipId, sourceName } from '../store/clip-id';

export type SplitOptions = {
  /** Videos that were dropped in the preparation: an entry may name them. Default none. */
  droppedSources?: Iterable<string>;
};

/** Clips named by a list, and the others. */
export type Split = {
  held: string[];
  rest: string[];
  /** Entries whose video was dropped in the preparation. */
  dropped: string[];
};

/**
 * Splits clips by a list of videos, such as those of people kept for validation.
 *
 * An entry is a video's base name without extension: `00158` stands for all clips of `00158.mp4` in any folder. An
 * entry with `/` or an extension stands for that one path. Empty lines and lines that start with `#` are ignored.
 *
 * @param ids Clips of a store.
 * @param list Text with one entry per line, or the entries.
 * @throws RangeError with the number of entries that name no clip.
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { splitByList } from '@lipsync/dataloader';
 * const { held, rest } = splitByList(await store.list(), await readFile('validation-ids.txt', 'utf8'));
 */
export function splitByList(
  ids: readonly string[],
  list: string | readonly string[],
  options: SplitOptions = {},
): Split {
  const lines = typeof list === 'string' ? list.split(/\r?\n/) : list;
  const entries = [...new Set(lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')))];
  const named = new Set(entries);
  const found = new Set<string>();
  /** The entries that name a source. */
  const namesOf = (source: string) => [source, baseName(source)].filter((name) => named.has(name));

  const held: string[] = [];
  const rest: string[] = [];
  for (const id of ids) {
    const names = namesOf(parseClipId(id).source);
    (names.length > 0 ? held : rest).push(id);
    for (const name of names) found.add(name);
  }
  const gone = new Set([...(options.droppedSources ?? [])].flatMap((source) => namesOf(sourceName(source))));
  const unknown = entries.filter((entry) => !found.has(entry) && !gone.has(entry));
  if (unknown.length > 0) {
    const first = unknown.slice(0, 5).join(', ');
    fail(
      RangeError,
      'splitByList',
      'list',
      'names of prepared videos',
      `${unknown.length} of ${entries.length} that name none (${first}${unknown.length > 5 ? ', …' : ''})`,
    );
  }
  return { held, rest, dropped: entries.filter((entry) => !found.has(entry)) };
}

/** File name without folders and without its last extension. */
function baseName(source: string): string {
  return source.slice(source.lastIndexOf('/') + 1).replace(/(?<=.)\.[^.]+$/, '');
}
