import { fail, frameShape } from '@lipsync/contracts';
import { batchSizeFor, type Embedder } from './embedder';
import { JointScorer } from './joint-scorer';
import type { SyncScore } from './offset-curve';
import { SyncScorer, type SyncScorerOptions } from './sync-scorer';

/** An expert's input at one video frame, prepared by its recipe. */
export type ScoringWindow<AudioInput = Float32Array> = {
  /** `[height, width, frameCount * 3]`, float32, in the recipe's value range. */
  frames: Float32Array;
  /** What the embedder's `audio` takes: `[bins, featureSteps]`, float32, bin 0 the lowest frequency. */
  features: AudioInput;
};

export type WindowScorerOptions = Pick<SyncScorerOptions, 'maxShift' | 'edges' | 'visualStride'> & {
  /** Windows per batch; changes the score by rounding only. Default by memory: `batchSizeFor(expert.recipe)`. */
  batchSize?: number;
  /** Batches that may be pending when `update` returns. Default 0: `update` waits for its batch. */
  maxPending?: number;
};

/**
 * Offset, LSE-D and LSE-C of one face track, from one window per video frame, by the expert behind an `Embedder`.
 *
 * Holds `batchSize` windows and what `SyncScorer` holds; no tensor between calls. The embedder is borrowed. Await each
 * call before the next.
 *
 * @throws TypeError for windows of another size than the expert's recipe asks for; what the embedder throws, at the
 * next call.
 * @example
 * const scorer = new WindowScorer(localEmbedder(expert));
 * for await (const window of windows) await scorer.update(window);
 * const { sentence, lseD, lseC } = await scorer.compute();
 */
export class WindowScorer<AudioInput = Float32Array> {
  readonly #embedder: Embedder<AudioInput>;
  readonly #scorer: SyncScorer | JointScorer;
  readonly #batchSize: number;
  readonly #visualStride: number;
  readonly #maxPending: number;
  #windows: ScoringWindow<AudioInput>[] = [];
  #given = 0;
  #pending: Promise<void>[] = [];
  #run = 0; // counts resets: batches of an earlier run are dropped

  constructor(embedder: Embedder<AudioInput>, options: WindowScorerOptions = {}) {
    const { expert } = embedder;
    const { batchSize = batchSizeFor(expert.recipe), maxPending = 0, visualStride = 1, maxShift, edges } = options;
    if (!(Number.isInteger(batchSize) && batchSize > 0)) {
      fail(RangeError, 'WindowScorer', 'batchSize', 'a whole number above 0', batchSize);
    }
    if (!(Number.isInteger(maxPending) && maxPending >= 0))
      fail(RangeError, 'WindowScorer', 'maxPending', 'a whole number of batches', maxPending);
    const { space, embeddingSize, name, recipe } = expert;
    if (space === 'joint' && visualStride !== 1)
      fail(TypeError, 'WindowScorer', 'visualStride', '1 for a network that scores pairs', visualStride);
    this.#embedder = embedder;
    this.#batchSize = batchSize;
    this.#maxPending = maxPending;
    this.#visualStride = visualStride;
    this.#scorer =
      space === 'joint'
        ? new JointScorer(embedder, { maxShift, edges })
        : new SyncScorer({
            space,
            dimension: embeddingSize,
            maxShift,
            edges,
            visualStride,
            fps: recipe.fps,
            expert: name,
          });
  }

  /** Takes the next window; its arrays are kept until the batch is full, so do not change them. */
  async update(window: ScoringWindow<AudioInput>): Promise<void> {
    const { crop, frameCount, featureSteps } = this.#embedder.expert.recipe;
    const { height, width } = frameShape(crop);
    const where = 'WindowScorer.update';
    if (window.frames.length !== height * width * frameCount * 3) {
      const rule = `${height} x ${width} x ${frameCount * 3} values`;
      fail(TypeError, where, 'window.frames', rule, window.frames.length);
    }
    const { features } = window;
    if (features instanceof Float32Array && (features.length === 0 || features.length % featureSteps !== 0))
      fail(TypeError, where, 'window.features', `bins x ${featureSteps} values`, features.length);
    this.#windows.push(window);
    if (this.#windows.length === this.#batchSize) await this.#embed(this.#maxPending);
  }

  /** @throws Error before the first window. */
  async compute(): Promise<SyncScore> {
    await this.#embed(0);
    return this.#scorer.compute();
  }

  /** Starts the next track. */
  reset(): void {
    this.#run++;
    this.#windows = [];
    this.#pending = [];
    this.#given = 0;
    this.#scorer.reset();
  }

  /** Starts the batch, then waits until at most `maxPending` are pending; scores take batches in order. */
  async #embed(maxPending: number): Promise<void> {
    const windows = this.#windows;
    this.#windows = [];
    if (windows.length > 0) {
      const done = this.#score(windows, this.#pending.at(-1), this.#run);
      done.catch(() => {}); // thrown where the batch is awaited
      this.#pending.push(done);
    }
    while (this.#pending.length > maxPending) {
      await this.#pending[0];
      this.#pending.shift();
    }
  }

  async #score(
    windows: readonly ScoringWindow<AudioInput>[],
    before: Promise<void> | undefined,
    run: number,
  ): Promise<void> {
    const withFrames = windows.filter((_, i) => (this.#given + i) % this.#visualStride === 0);
    this.#given += windows.length;
    const audio = this.#embedder.audio(windows.map(({ features }) => features));
    const visual = this.#embedder.visual(withFrames.map(({ frames }) => frames));
    for (const rows of [audio, visual]) rows.catch(() => {}); // thrown below, after the batch before
    await before;
    const rows = { visual: await visual, audio: await audio };
    if (run === this.#run) await this.#scorer.update(rows);
  }
}

/**
 * `WindowScorer` over a whole sequence of windows.
 *
 * @example
 * const score = await scoreWindows(localEmbedder(expert), streamSyncWindows(video, { recipe: expert.recipe }));
 */
export async function scoreWindows<AudioInput = Float32Array>(
  embedder: Embedder<AudioInput>,
  windows: AsyncIterable<ScoringWindow<AudioInput>> | Iterable<ScoringWindow<AudioInput>>,
  options: WindowScorerOptions = {},
): Promise<SyncScore> {
  const scorer = new WindowScorer(embedder, options);
  for await (const window of windows) await scorer.update(window);
  return scorer.compute();
}
