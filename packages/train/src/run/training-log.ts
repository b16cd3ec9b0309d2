import { appendFile, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@lipsync/checkpoints';

/**
 * The log of a run: a file with one JSON object a line, in order of steps.
 *
 * A killed run may leave lines of steps after its last checkpoint; `resumeAt` drops them.
 */
export class TrainingLog<E extends { step: number }> {
  readonly entries: E[] = [];
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Opens the log of a run that resumes after `step` (0: a new one). */
  static async resumeAt<E extends { step: number }>(path: string, step: number): Promise<TrainingLog<E>> {
    const log = new TrainingLog<E>(path);
    if (step > 0) {
      const text = await readFile(path, 'utf8').catch(() => '');
      for (const line of text.split('\n')) {
        const entry = parse<E>(line);
        if (entry && entry.step <= step) log.entries.push(entry);
      }
    }
    await writeFileAtomic(path, log.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    return log;
  }

  async add(entry: E): Promise<void> {
    this.entries.push(entry);
    await appendFile(this.#path, `${JSON.stringify(entry)}\n`);
  }
}

/** Undefined for a truncated line. */
function parse<E>(line: string): E | undefined {
  try {
    return JSON.parse(line) as E;
  } catch {
    return undefined;
  }
}
