import { type FileHandle, open, stat } from 'node:fs/promises';
import { UsageError } from '../../terminal/command';
import type { ScoredFile } from '../scored-file';
import { isUnchanged } from '../scored-file';

/**
 * A file of results that a batch resumes from: one JSON object a line, appended as results come.
 *
 * Each line is written at once and reaches the disk before the next video counts as scored. A line that was cut off, by
 * `kill -9` or a full disk, is dropped when the file is opened again; its video is scored again.
 */
export class ResultsFile {
  readonly #file: FileHandle;
  readonly #found: ReadonlyMap<string, ScoredFile>;
  /** Whether the last line had been cut off. */
  readonly wasCut: boolean;

  private constructor(file: FileHandle, found: ReadonlyMap<string, ScoredFile>, wasCut: boolean) {
    this.#file = file;
    this.#found = found;
    this.wasCut = wasCut;
  }

  /** @throws UsageError where the file holds something else than results: nothing of it is changed. */
  static async open(path: string): Promise<ResultsFile> {
    const file = await open(path, 'a+').catch((error: Error) => {
      throw new UsageError(`--out must be a file that can be written, got ${path} (${error.message})`);
    });
    try {
      const { results, end } = await readResults(file, path);
      const wasCut = end < (await stat(path)).size;
      if (wasCut) await file.truncate(end);
      return new ResultsFile(file, results, wasCut);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The result of a file that is as it was, by the same settings; undefined where it has to be scored. */
  async resultOf(file: string, settings: string): Promise<ScoredFile | undefined> {
    const result = this.#found.get(file);
    if (result === undefined || result.settings !== settings || result.input === undefined) return undefined;
    return (await isUnchanged(file, result.input)) ? result : undefined;
  }

  /** Appends a result, which is on the disk when the promise resolves. */
  async add(result: ScoredFile): Promise<void> {
    await this.#file.appendFile(`${JSON.stringify(result)}\n`);
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** The last result of each file, and where the whole lines end. */
async function readResults(file: FileHandle, path: string): Promise<{ results: Map<string, ScoredFile>; end: number }> {
  const results = new Map<string, ScoredFile>();
  let [rest, end, line] = [Buffer.alloc(0), 0, 0];
  const refuse = (): never => {
    throw new UsageError(
      `--out must be a new file or the results of lipsync score, got ${path} (line ${line} is no result)`,
    );
  };
  for await (const piece of file.createReadStream({ autoClose: false, start: 0 })) {
    rest = Buffer.concat([rest, piece as Buffer]);
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      line++;
      const result = resultIn(rest.subarray(0, at).toString('utf8')) ?? refuse();
      results.set(result.file, result);
      end += at + 1;
      rest = rest.subarray(at + 1);
    }
  }
  line++;
  // What was cut off is the beginning of a result.
  const start = '{"file":';
  const tail = rest.subarray(0, start.length).toString('utf8');
  if (!start.startsWith(tail)) refuse();
  return { results, end };
}

function resultIn(text: string): ScoredFile | undefined {
  try {
    const value = JSON.parse(text) as Partial<ScoredFile>;
    return typeof value.file === 'string' && Array.isArray(value.faces) ? (value as ScoredFile) : undefined;
  } catch {
    return undefined;
  }
}
