import type { Features, Loudness } from '@lipsync/contracts';
import { AUDIO_FEATURES, fail, stepsBefore, storedShape } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { featuresFor } from '../store/clip-features';
import type { OpenClip } from '../store/clip-file';
import type { ClipStore } from '../store/clip-store';
import { mapLimited } from '../store/map-limited';
import { withClipId } from '../store/with-clip-id';

/** What a generator's batch depends on, beside its step. */
export type DinetBatchOptions = {
  /** Rows of frames in a batch. */
  batchSize: number;
  /** Frames of a row: 1 in the stage of frames, 5 in the stage of clips. */
  frameCount: number;
  /** Reference frames of the same clip for each frame. */
  referenceCount: number;
  /** Frames of audio around each frame. */
  audioFrames: number;
  /** The frame with which they begin, counted from their own. Default: they are centred. */
  firstFrame?: number;
  /** What the generator takes of the audio. */
  features: 'mel' | 'logits';
  /** How loud the audio of the sync network is made. Default `none`. */
  syncLoudness?: Loudness;
  seed: number;
  clips?: readonly string[];
  exclude: readonly string[];
};

/** One drawn row of frames: the clip, the first frame, and the reference frames of each frame. */
export type DinetSample = { clip: number; start: number; references: number[][] };

/** A batch as plain arrays. */
export type PlainDinetBatch = {
  samples: DinetSample[];
  /** `[batch * frameCount, height, width, 3]`, RGB, 0..1. */
  frames: Float32Array;
  /** `[batch * frameCount, height, width, referenceCount * 3]`. */
  references: Float32Array;
  /** `[batch * frameCount, bins, steps]`. */
  features: Float32Array;
  /** `[batch, bins, syncSteps]`: the features of all frames of a row. */
  syncFeatures: Float32Array;
  /** `[batch, 29, frameCount + 4]`: logits of all frames of a row and of two on both sides; where `features` are logits. */
  syncLogits?: Float32Array;
  /** `[batch * frameCount]`, radians clockwise. */
  angles: Float32Array;
};

type Index = { ids: string[]; counts: number[]; usable: number[] };

const READS_AT_ONCE = 8;
/** Frames on both sides of a row whose logits DINet's sync network takes, too. */
const SYNC_LOGIT_MARGIN = 2;

/** Makes batches for DINet as plain arrays, each a function of the options and its step only; holds no tensor. */
export class DinetBatchMaker {
  readonly #store: ClipStore;
  readonly #options: DinetBatchOptions;
  #index?: Promise<Index>;

  constructor(store: ClipStore, options: DinetBatchOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Reads the clips' headers, once. */
  index(): Promise<Index> {
    this.#index ??= this.#readIndex();
    return this.#index;
  }

  /** Steps of the store's features during a number of frames. */
  stepsOf(frameCount: number): number {
    const { stepsPerSecond, fps } = this.#store.recipe;
    return Math.ceil((frameCount * stepsPerSecond) / fps);
  }

  /** Frames of audio before a frame, and the frames that a row leaves out at both ends of a clip so that it has them. */
  get #around(): { before: number; margin: { before: number; after: number } } {
    const { audioFrames, firstFrame = -(audioFrames >> 1) } = this.#options;
    const margin = { before: Math.max(0, -firstFrame), after: Math.max(0, firstFrame + audioFrames - 1) };
    // Windows of an even number of frames, centred, have always left as much at the end.
    if (this.#options.firstFrame === undefined) margin.after = margin.before;
    return { before: -firstFrame, margin };
  }

  /** Bins and steps of the features of one frame. */
  get featureShape(): { bins: number; steps: number } {
    const { features, audioFrames } = this.#options;
    if (features === 'logits') return { bins: AUDIO_FEATURES.ASR_LOGITS.bins, steps: audioFrames };
    return { bins: this.#store.recipe.bins, steps: this.stepsOf(audioFrames) };
  }

  async make(step: number): Promise<PlainDinetBatch> {
    const index = await this.index();
    const samples = this.#plan(index, step);
    const batch = this.#emptyBatch(samples);
    await mapLimited([...samples.entries()], READS_AT_ONCE, async ([row, sample]) => {
      const id = index.ids[sample.clip];
      await withClipId(id, async () => {
        const { clip, frames } = await this.#store.reader(id);
        await this.#fillFrames(batch, row, frames);
        this.#fillAudio(batch, row, clip);
      });
    });
    return batch;
  }

  #emptyBatch(samples: DinetSample[]): PlainDinetBatch {
    const { frameCount, referenceCount, features } = this.#options;
    const { height, width } = storedShape(this.#store.recipe.crop);
    const { bins, steps } = this.featureShape;
    const rows = samples.length;
    const count = rows * frameCount;
    const pixels = height * width;
    return {
      samples,
      frames: new Float32Array(count * pixels * 3),
      references: new Float32Array(count * pixels * referenceCount * 3),
      features: new Float32Array(count * bins * steps),
      syncFeatures: new Float32Array(rows * this.#store.recipe.bins * this.stepsOf(frameCount)),
      ...(features === 'logits'
        ? { syncLogits: new Float32Array(rows * bins * (frameCount + 2 * SYNC_LOGIT_MARGIN)) }
        : {}),
      angles: new Float32Array(count),
    };
  }

  /** The frames of a row and their references. */
  async #fillFrames(
    batch: PlainDinetBatch,
    row: number,
    framesOf: (first: number, count: number) => Promise<Uint8Array>,
  ): Promise<void> {
    const { frameCount, referenceCount } = this.#options;
    const { start, references } = batch.samples[row];
    const frames = await framesOf(start, frameCount);
    const values = frames.length / frameCount; // of one frame
    for (let k = 0; k < frames.length; k++) batch.frames[row * frames.length + k] = frames[k] / 255;
    for (let t = 0; t < frameCount; t++) {
      const out = batch.references.subarray((row * frameCount + t) * values * referenceCount);
      for (const [slot, index] of references[t].entries()) {
        const reference = await framesOf(index, 1);
        for (let from = 0, to = slot * 3; from < values; from += 3, to += referenceCount * 3) {
          for (let colour = 0; colour < 3; colour++) out[to + colour] = reference[from + colour] / 255;
        }
      }
    }
  }

  /** Features and angles of a row. */
  #fillAudio(batch: PlainDinetBatch, row: number, clip: OpenClip): void {
    const { frameCount, features } = this.#options;
    const { bins: syncBins, fps, stepsPerSecond } = this.#store.recipe;
    const { bins, steps } = this.featureShape;
    const { start } = batch.samples[row];
    const stepAt = (frame: number) => stepsBefore(frame, { fps, stepsPerSecond });
    const taken = features === 'logits' ? logitsOf(clip) : clip.features;
    for (let t = 0; t < frameCount; t++) {
      const index = row * frameCount + t;
      batch.angles[index] = clip.poses[4 * (start + t) + 3];
      const first = start + t - this.#around.before;
      const from = features === 'logits' ? first : stepAt(first);
      copySteps(taken.data, { bins, from, steps, out: batch.features.subarray(index * bins * steps) });
    }
    const syncSteps = this.stepsOf(frameCount);
    const syncFeatures = batch.syncFeatures.subarray(row * syncBins * syncSteps);
    const { syncLoudness: loudness } = this.#options;
    const levelled = featuresFor(clip, { features: this.#store.recipe.features, loudness }, this.#store.recipe);
    copySteps(levelled.data, { bins: syncBins, from: stepAt(start), steps: syncSteps, out: syncFeatures });
    if (batch.syncLogits) {
      const logitSteps = frameCount + 2 * SYNC_LOGIT_MARGIN;
      const out = batch.syncLogits.subarray(row * bins * logitSteps);
      copySteps(taken.data, { bins, from: start - SYNC_LOGIT_MARGIN, steps: logitSteps, out });
    }
  }

  #plan({ counts, usable }: Index, step: number): DinetSample[] {
    const { batchSize, frameCount, referenceCount, seed } = this.#options;
    if (!(Number.isSafeInteger(step) && step >= 0))
      fail(RangeError, 'DinetBatchMaker', 'step', 'a whole number, 0 or more', step);
    if (usable.length === 0)
      fail(RangeError, 'DinetBatchMaker', 'clips', 'at least 1 long enough', `${usable.length} of ${counts.length}`);
    const random = new Random(seed, step);
    const { margin } = this.#around;
    return Array.from({ length: batchSize }, () => {
      const clip = usable[random.integer(usable.length)];
      const start = margin.before + random.integer(counts[clip] - frameCount - margin.before - margin.after + 1);
      // A reference must not show what is to be generated.
      const others = Array.from({ length: counts[clip] }, (_, frame) => frame).filter(
        (frame) => frame < start || frame >= start + frameCount,
      );
      const drawn = () => Array.from({ length: referenceCount }, () => others[random.integer(others.length)]);
      return { clip, start, references: Array.from({ length: frameCount }, drawn) };
    });
  }

  async #readIndex(): Promise<Index> {
    const { clips: wanted, exclude, frameCount, features } = this.#options;
    const out = new Set(exclude);
    const ids = (wanted ?? (await this.#store.list())).filter((id) => !out.has(id));
    const { margin } = this.#around;
    const needed = frameCount + margin.before + margin.after + 1;
    const infos = await mapLimited(ids, 16, (id) => withClipId(id, () => this.#store.info(id)));
    const { fps, stepsPerSecond } = this.#store.recipe;
    const counts = infos.map(({ id, frameCount: count, featureSteps, logitSteps }) => {
      if (features === 'logits' && logitSteps === undefined) failWithoutLogits(id);
      // The last frames of a clip may have no audio.
      const withFeatures = Math.floor((featureSteps * fps) / stepsPerSecond);
      return Math.min(count, withFeatures, features === 'logits' ? logitSteps! : Infinity);
    });
    return { ids, counts, usable: counts.flatMap((count, index) => (count >= needed ? [index] : [])) };
  }
}

const logitsOf = ({ id, logits }: OpenClip): Features => logits ?? failWithoutLogits(id);

function failWithoutLogits(id: string): never {
  return fail(TypeError, 'DinetBatchMaker', 'clip', "with logits where features are 'logits' (none were prepared)", id);
}

/** Steps `[steps, bins]` of a clip as `[bins, steps]`; beyond its ends the first and the last again. */
function copySteps(
  data: Float32Array,
  { bins, from, steps, out }: { bins: number; from: number; steps: number; out: Float32Array },
): void {
  const last = data.length / bins - 1;
  for (let step = 0; step < steps; step++) {
    const at = Math.min(last, Math.max(0, from + step)) * bins;
    for (let bin = 0; bin < bins; bin++) out[bin * steps + step] = data[at + bin];
  }
}
