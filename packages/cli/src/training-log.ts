import { appendFile, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@lipsync/nn';
import type { TrainingLogEntry } from './training-curve';

/**
 * The log of a run: a file with one JSON object a line, in order of steps.
 *
 * A run that is killed may leave lines of steps that its last checkpoint does not know; `resumeAt` drops them.
 */
export class TrainingLog {
  readonly entries: TrainingLogEntry[] = [];
  private constructor(private readonly path: string) {}

  /** Opens the log of a run that goes on after `step` (0: a new one). */
  static async resumeAt(path: string, step: number): Promise<TrainingLog> {
    const log = new TrainingLog(path);
    if (step > 0) {
      const text = await readFile(path, 'utf8').catch(() => '');
      for (const line of text.split('\n')) {
        const entry = parse(line);
        if (entry && entry.step <= step) log.entries.push(entry);
      }
    }
    await writeFileAtomic(path, log.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    return log;
  }

  async add(entry: TrainingLogEntry): Promise<void> {
    this.entries.push(entry);
    await appendFile(this.path, `${JSON.stringify(entry)}\n`);
  }
}

/** A line that was cut in the middle counts for nothing. */
function parse(line: string): TrainingLogEntry | undefined {
  try {
    return JSON.parse(line) as TrainingLogEntry;
  } catch {
    return undefined;
  }
}
