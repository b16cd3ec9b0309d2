import { fail, frameShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { batchSizeFor, embedAudio, embedVisual } from './embed-windows';
import { JointScorer } from './joint-scorer';
import type { SyncScore } from './offset-curve';
import type { SyncScorerOptions } from './sync-scorer';
import { SyncScorer } from './sync-scorer';

/** What an expert is fed with at one video frame, prepared by its recipe. */
export type ScoringWindow = {
  /** `[height, width, frames * 3]`, float32, in the recipe's value range. */
  frames: Float32Array;
  /** `[bins, featureSteps]`, float32, bin 0 the lowest frequency. */
  features: Float32Array;
};

/** What a score needs to know of an expert whose towers run elsewhere. */
export type ExpertFacts = Pick<
  SyncExpert,
  'name' | 'recipe' | 'embeddingSize' | 'audioEmbeddingSize' | 'space' | 'weightsHash'
>;

/** Rows of the windows with images that are `shown`, and of the audio of all `windows`. */
export type EmbedBatch<W> = (
  windows: readonly W[],
  shown: readonly W[],
) => Promise<{ visual: Float32Array; audio: Float32Array }>;

export type WindowScorerOptions = Pick<SyncScorerOptions, 'maxShift' | 'edges' | 'every'> & {
  /** Windows embedded at once; no effect on the numbers beyond rounding. Default by memory: `batchSizeFor(expert.recipe)`. */
  batchSize?: number;
};

/** For towers that run elsewhere, such as in threads. */
export type RemoteScorerOptions<W> = WindowScorerOptions & {
  embed: EmbedBatch<W>;
  /** Batches that may be under way when `update` returns. Default 0. */
  maxPending?: number;
};

/**
 * Offset, LSE-D and LSE-C of one face track by any `SyncExpert`, from windows as they come, one a video frame.
 *
 * Holds `batchSize` windows and what `SyncScorer` holds; no tensor between calls. The expert is borrowed. Feed one
 * window at a time: await each call.
 *
 * With `embed` the towers are the caller's business and windows need not have `mel`; batches may be under way (`ahead`) while the next
 * windows come.
 *
 * @throws TypeError for windows of another size than the expert's recipe asks for.
 * @example
 * const scorer = new WindowScorer(expert);
 * for await (const window of windows) await scorer.update(window);
 * const { sentence, lseD, lseC } = await scorer.compute();
 */
export class WindowScorer<W extends Pick<ScoringWindow, 'frames'> = ScoringWindow> {
  readonly #expert: ExpertFacts;
  readonly #scorer: SyncScorer | JointScorer;
  readonly #embedBatch: EmbedBatch<W>;
  readonly #batchSize: number;
  readonly #every: number;
  readonly #maxPending: number;
  readonly #local: boolean;
  #pending: W[] = [];
  #given = 0;
  #underWay: Promise<void>[] = [];
  #run = 0; // counts resets: what was under way then is dropped

  constructor(expert: ExpertFacts, options: RemoteScorerOptions<W>);
  constructor(expert: SyncExpert, options?: WindowScorerOptions);
  constructor(expert: ExpertFacts, options: WindowScorerOptions & Partial<RemoteScorerOptions<W>> = {}) {
    const { batchSize = batchSizeFor(expert.recipe), embed, maxPending = 0, ...rest } = options;
    if (!(Number.isInteger(batchSize) && batchSize > 0)) {
      fail(RangeError, 'WindowScorer', 'batchSize', 'a whole number above 0', batchSize);
    }
    if (!(Number.isInteger(maxPending) && maxPending >= 0))
      fail(RangeError, 'WindowScorer', 'ahead', 'a whole number of batches', maxPending);
    this.#expert = expert;
    this.#batchSize = batchSize;
    this.#maxPending = maxPending;
    this.#every = rest.every ?? 1;
    this.#local = embed === undefined;
    this.#embedBatch = embed ?? (embedHere(expert as SyncExpert) as unknown as EmbedBatch<W>);
    const { space } = expert;
    if (space === 'joint' && this.#every !== 1)
      fail(TypeError, 'WindowScorer', 'every', '1 for a network that judges pairs', this.#every);
    this.#scorer =
      space === 'joint'
        ? new JointScorer(expert as SyncExpert, rest)
        : new SyncScorer({ ...rest, space, fps: expert.recipe.fps, expert: expert.name });
  }

  /** Takes the next window; its arrays are kept until the batch is full, so do not change them. */
  async update(window: W): Promise<void> {
    const { crop, frameCount } = this.#expert.recipe;
    const { height, width } = frameShape(crop);
    const pixels = height * width * frameCount * 3;
    if (window.frames.length !== pixels) {
      const rule = `${height} x ${width} x ${frameCount * 3} numbers`;
      fail(TypeError, 'WindowScorer.update', 'window.frames', rule, window.frames.length);
    }
    if (this.#local) this.#checkFeature((window as unknown as ScoringWindow).features);
    this.#pending.push(window);
    if (this.#pending.length === this.#batchSize) await this.#embed(this.#maxPending);
  }

  /** @throws Error before any window came. */
  async compute(): Promise<SyncScore> {
    await this.#embed(0);
    return this.#scorer.compute();
  }

  /** Starts the next track. */
  reset(): void {
    this.#run++;
    this.#pending = [];
    this.#underWay = [];
    this.#given = 0;
    this.#scorer.reset();
  }

  #checkFeature(features: Float32Array): void {
    const { featureSteps } = this.#expert.recipe;
    const before = this.#pending[0] as unknown as ScoringWindow | undefined;
    const bins = (before?.features ?? features).length / featureSteps;
    if (Number.isInteger(bins) && bins > 0 && features.length === bins * featureSteps) return;
    fail(TypeError, 'WindowScorer.update', 'window.mel', `bins x ${featureSteps} numbers`, features.length);
  }

  /** Sends off what waits, and waits until no more than `ahead` batches are under way; scores take them in order. */
  async #embed(maxPending: number): Promise<void> {
    const windows = this.#pending;
    this.#pending = [];
    if (windows.length > 0) {
      const shown = windows.filter((_, i) => (this.#given + i) % this.#every === 0);
      this.#given += windows.length;
      const before = this.#underWay.at(-1);
      const rows = this.#embedBatch(windows, shown);
      rows.catch(() => {}); // said by whoever awaits the batch
      const done = this.#take(rows, before, this.#run);
      done.catch(() => {});
      this.#underWay.push(done);
    }
    while (this.#underWay.length > maxPending) {
      await this.#underWay[0];
      this.#underWay.shift();
    }
  }

  async #take(rows: ReturnType<EmbedBatch<W>>, before: Promise<void> | undefined, run: number): Promise<void> {
    await before;
    const { visual, audio } = await rows;
    if (run === this.#run) await this.#scorer.update({ visual, audio, dimension: this.#expert.embeddingSize });
  }
}

/** Both towers in this thread. */
function embedHere(expert: SyncExpert): EmbedBatch<ScoringWindow> {
  return async (windows, shown) => {
    const visual = await embedVisual(
      expert,
      shown.map(({ frames }) => frames),
    );
    return {
      visual,
      audio: await embedAudio(
        expert,
        windows.map(({ features }) => features),
      ),
    };
  };
}

/**
 * `WindowScorer` over a whole sequence of windows.
 *
 * @example
 * const score = await scoreWindows(expert, streamSyncWindows(video));
 */
export async function scoreWindows(
  expert: SyncExpert,
  windows: AsyncIterable<ScoringWindow> | Iterable<ScoringWindow>,
  options: WindowScorerOptions = {},
): Promise<SyncScore> {
  const scorer = new WindowScorer(expert, options);
  for await (const window of windows) await scorer.update(window);
  return scorer.compute();
}
