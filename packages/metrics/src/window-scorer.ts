import * as tf from '@tensorflow/tfjs-core';
import { fail, pictureShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts';
import { JointScorer } from './joint-scorer';
import type { SyncScore } from './offset-curve';
import { SyncScorer } from './sync-scorer';
import type { SyncScorerOptions } from './sync-scorer';

/** What an expert is fed with at one video frame, prepared by its recipe. */
export type ScoringWindow = {
  /** `[height, width, frames * 3]`, float32, in the recipe's value range. */
  frames: Float32Array;
  /** `[bins, melSteps]`, float32, bin 0 the lowest frequency. */
  mel: Float32Array;
};

export type WindowScorerOptions = Pick<SyncScorerOptions, 'maxShift' | 'outside' | 'every'> & {
  /** Windows embedded at once; no effect on the numbers beyond rounding. Default 32. */
  batchSize?: number;
};

/**
 * Offset, LSE-D and LSE-C of one face track by any `SyncExpert`, from windows as they come, one a video frame.
 *
 * Holds `batchSize` windows and what `SyncScorer` holds; no tensor between calls. The expert is borrowed. Feed one
 * window at a time: await each call.
 *
 * @throws TypeError for windows of another size than the expert's recipe asks for.
 * @example
 * const scorer = new WindowScorer(expert);
 * for await (const window of windows) await scorer.update(window);
 * const { sentence, lseD, lseC } = await scorer.compute();
 */
export class WindowScorer {
  readonly #expert: SyncExpert;
  readonly #scorer: SyncScorer | JointScorer;
  readonly #batchSize: number;
  readonly #every: number;
  #pending: ScoringWindow[] = [];
  #given = 0;

  constructor(expert: SyncExpert, options: WindowScorerOptions = {}) {
    const { batchSize = 32, ...rest } = options;
    if (!(Number.isInteger(batchSize) && batchSize > 0)) {
      fail(RangeError, 'WindowScorer', 'batchSize', 'a whole number above 0', batchSize);
    }
    this.#expert = expert;
    this.#batchSize = batchSize;
    this.#every = rest.every ?? 1;
    const { space } = expert;
    if (space === 'joint' && this.#every !== 1) fail(TypeError, 'WindowScorer', 'every', '1 for a network that judges pairs', this.#every);
    this.#scorer =
      space === 'joint' ? new JointScorer(expert, rest) : new SyncScorer({ ...rest, space, fps: expert.recipe.fps, expert: expert.name });
  }

  /** Takes the next window; its arrays are kept until the batch is full, so do not change them. */
  async update(window: ScoringWindow): Promise<void> {
    const { crop, frames, melSteps } = this.#expert.recipe;
    const { height, width } = pictureShape(crop);
    const pixels = height * width * frames * 3;
    if (window.frames.length !== pixels) {
      const rule = `${height} x ${width} x ${frames * 3} numbers`;
      fail(TypeError, 'WindowScorer.update', 'window.frames', rule, window.frames.length);
    }
    const bins = this.#pending[0] ? this.#pending[0].mel.length / melSteps : window.mel.length / melSteps;
    if (!(Number.isInteger(bins) && bins > 0 && window.mel.length === bins * melSteps)) {
      fail(TypeError, 'WindowScorer.update', 'window.mel', `bins x ${melSteps} numbers`, window.mel.length);
    }
    this.#pending.push(window);
    if (this.#pending.length === this.#batchSize) await this.#embed();
  }

  /** @throws Error before any window came. */
  async compute(): Promise<SyncScore> {
    await this.#embed();
    return this.#scorer.compute();
  }

  /** Starts the next track. */
  reset(): void {
    this.#pending = [];
    this.#given = 0;
    this.#scorer.reset();
  }

  async #embed(): Promise<void> {
    const windows = this.#pending;
    if (windows.length === 0) return;
    this.#pending = [];
    const { recipe } = this.#expert;
    const { height, width } = pictureShape(recipe.crop);
    const pixels = height * width * recipe.frames * 3;
    const shown = windows.filter((_, i) => (this.#given + i) % this.#every === 0);
    this.#given += windows.length;
    const [visual, audio] = tf.tidy(() => {
      const frames = tf.tensor4d(join(shown.map((window) => window.frames), pixels), [
        shown.length,
        height,
        width,
        recipe.frames * 3,
      ]);
      const bins = windows[0].mel.length / recipe.melSteps;
      const mel = tf.tensor4d(join(windows.map((window) => window.mel), windows[0].mel.length), [windows.length, bins, recipe.melSteps, 1]);
      return [shown.length > 0 ? this.#expert.encodeFrames(frames) : tf.zeros([0, this.#expert.embeddingSize]), this.#expert.encodeAudio(mel)];
    });
    try {
      const rows = await Promise.all([visual.data<'float32'>(), audio.data<'float32'>()]);
      await this.#scorer.update({ visual: rows[0], audio: rows[1], dimension: this.#expert.embeddingSize });
    } finally {
      tf.dispose([visual, audio]);
    }
  }
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

function join(parts: Float32Array[], length: number): Float32Array {
  const all = new Float32Array(parts.length * length);
  parts.forEach((part, index) => all.set(part, index * length));
  return all;
}
