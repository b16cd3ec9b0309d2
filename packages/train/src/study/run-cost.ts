import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';

/** What a run has cost so far, all its starts together. */
export type RunCost = {
  wallSec: number;
  /** Of all threads. */
  cpuSec: number;
  starts: number;
};

/** Seconds between two writings: so much is not counted where a process is killed. */
const EVERY_SEC = 20;

const fileIn = (folder: string) => join(folder, 'cost.json');

/** The cost of a run in a folder; zero where it was never started. */
export async function readCost(folder: string): Promise<RunCost> {
  const text = await readFile(fileIn(folder), 'utf8').catch(() => undefined);
  return text === undefined ? { wallSec: 0, cpuSec: 0, starts: 0 } : (JSON.parse(text) as RunCost);
}

/** Counts the time of a run from now on, beside that of its earlier starts. */
export class CostMeter {
  readonly #folder: string;
  readonly #before: RunCost;
  readonly #started = performance.now();
  readonly #cpu = process.cpuUsage();
  #writtenAt = performance.now();

  private constructor(folder: string, before: RunCost) {
    this.#folder = folder;
    this.#before = before;
  }

  static async start(folder: string): Promise<CostMeter> {
    return new CostMeter(folder, await readCost(folder));
  }

  /** Writes the cost, where the last time is long ago. */
  async tick(): Promise<void> {
    if (performance.now() - this.#writtenAt > 1000 * EVERY_SEC) await this.write();
  }

  async write(): Promise<void> {
    this.#writtenAt = performance.now();
    const { user, system } = process.cpuUsage(this.#cpu);
    const { wallSec, cpuSec, starts } = this.#before;
    const cost: RunCost = {
      wallSec: wallSec + (performance.now() - this.#started) / 1000,
      cpuSec: cpuSec + (user + system) / 1e6,
      starts: starts + 1,
    };
    await writeFileAtomic(fileIn(this.#folder), `${JSON.stringify(cost)}\n`);
  }
}
