import { availableParallelism } from 'node:os';
import { log } from '../../terminal/output';
import { resolveWeights } from '../../weights/fetch-weights';
import { openScorer } from '../open-scorer';
import { lacksPage } from '../pictures/write-pictures';
import type { ScoreWords } from '../score-options';
import { failedScore, type ScoredFile, type Scorer, type ScorerFacts } from '../scored-file';
import type { ResultsFile } from './results-file';
import { startScoreProcess } from './score-process';
import type { VideoInputs } from './video-inputs';

/** More processes each take memory, half a gigabyte or so; `--jobs` asks for them. */
const MOST_JOBS = 8;

/** A batch that is being scored. */
export type Batch = ScorerFacts & {
  /** Results that were in the results file, in the order of the inputs. */
  before: ScoredFile[];
  /** The others, as they come; each is in the results file before. */
  results: AsyncGenerator<ScoredFile>;
  /** Of a single video; see `Scorer`. */
  fix?: Scorer['fix'];
  allPictures?: Scorer['allPictures'];
  dispose(): Promise<void>;
};

/**
 * Opens what scores the inputs: a single video in this process, several in processes of their own, `jobs` at a time.
 *
 * @param out results to resume from, and where new ones go.
 */
export async function openBatch(
  { files, single }: VideoInputs,
  options: ScoreWords,
  out?: ResultsFile,
): Promise<Batch> {
  const processors = availableParallelism();
  const jobs = Math.min(options.jobs ?? Math.min(processors, MOST_JOBS), files.length);
  const threads = options.threads ?? Math.max(1, Math.floor(processors / jobs));
  const start = (lines: (line: string) => void) =>
    single ? openScorer(options, { log: lines }) : startScoreProcess({ ...options, threads }, lines);
  await resolveWeights(options.weights); // refused before a process starts
  const first = await start(log);
  const { protocol, weights, settings } = first;
  const before: ScoredFile[] = [];
  const waiting: string[] = [];
  for (const file of files) {
    const result = await out?.resultOf(file, settings);
    if (result && !(await lacksPage(options, file, !single))) before.push(result);
    else waiting.push(file);
  }
  // Processes would share one graphics card.
  const onCard = options.jobs === undefined && /\((tensorflow|webgpu)\)/.test(protocol.engine);
  const lanes = new Lanes(first, () => startNext(start), single);
  const results = stored(lanes.scoreAll(waiting, onCard ? 1 : jobs), out);
  const { fix, allPictures } = first;
  return { protocol, weights, settings, before, results, fix, allPictures, dispose: () => lanes.dispose() };
}

/** A scorer beside the first one: how it started was logged there. */
async function startNext(start: (log: (line: string) => void) => Promise<Scorer>): Promise<Scorer> {
  let started = false;
  const scorer = await start((line) => {
    if (started) log(line);
  });
  started = true;
  return scorer;
}

async function* stored(results: AsyncGenerator<ScoredFile>, out?: ResultsFile): AsyncGenerator<ScoredFile> {
  for await (const result of results) {
    await out?.add(result);
    yield result;
  }
}

/** Scorers side by side; each takes the next file as soon as it is free. */
class Lanes {
  readonly #scorers: (Scorer | undefined)[];
  readonly #start: () => Promise<Scorer>;
  readonly #first: Scorer;
  /** Errors that are not about the file end a batch of one. */
  readonly #strict: boolean;
  #disposed = false;

  constructor(first: Scorer, start: () => Promise<Scorer>, strict: boolean) {
    this.#first = first;
    this.#scorers = [first];
    this.#start = start;
    this.#strict = strict;
  }

  /** Results in the order in which they are done. */
  async *scoreAll(files: readonly string[], count: number): AsyncGenerator<ScoredFile> {
    const waiting = [...files];
    const pending = new Map<number, Promise<{ lane: number; score: ScoredFile }>>();
    const next = (lane: number) => {
      const file = waiting.shift();
      if (file === undefined) pending.delete(lane);
      else
        pending.set(
          lane,
          this.#score(lane, file).then((score) => ({ lane, score })),
        );
    };
    for (let lane = 0; lane < count; lane++) next(lane);
    while (pending.size > 0) {
      const { lane, score } = await Promise.race(pending.values());
      next(lane);
      yield score;
    }
  }

  /** Also of a scorer that is starting: it ends as soon as it has started. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const scorer of this.#scorers.splice(0)) await scorer?.dispose();
  }

  async #score(lane: number, file: string): Promise<ScoredFile> {
    try {
      this.#scorers[lane] ??= await this.#open();
      return await (this.#scorers[lane] as Scorer).score(file);
    } catch (error) {
      if (this.#strict) throw error;
      // The process is gone: the next file gets a new one.
      await this.#scorers[lane]?.dispose();
      this.#scorers[lane] = undefined;
      return failedScore(this.#first, file, `failed: ${(error as Error).message}`);
    }
  }
  async #open(): Promise<Scorer> {
    const scorer = await this.#start();
    if (!this.#disposed) return scorer;
    await scorer.dispose();
    throw new Error('the batch has ended');
  }
}
