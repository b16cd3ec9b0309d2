import type { Features } from '@lipsync/contracts';
import { AUDIO_FEATURES, fail, stepsBefore, storedShape } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import type { OpenClip } from '../store/clip-file';
import type { ClipStore } from '../store/clip-store';
import { mapLimited } from '../store/map-limited';
import { named } from './sync-batch-maker';

/** What a generator's batch is a function of, beside its step. */
export type DinetBatchOptions = {
  /** Clips a batch. */
  batch: number;
  /** Frames in a row that are painted: 1 in the stage of frames, 5 in the stage of clips. */
  frameCount: number;
  /** Frames of the same face that show what it looks like elsewhere. */
  references: number;
  /** Frames of audio for each frame that is painted, around it. */
  audioFrames: number;
  /** What the generator hears. */
  features: 'mel' | 'logits';
  seed: number;
  clips?: readonly string[];
  exclude: readonly string[];
};

/** One drawn row of frames: the clip, the first frame, and the reference frames of each. */
export type DinetSample = { clip: number; start: number; references: number[][] };

/** A batch as plain arrays. */
export type PlainDinetBatch = {
  samples: DinetSample[];
  /** `[batch * frames, height, width, 3]`, RGB, 0..1. */
  frames: Float32Array;
  /** `[batch * frames, height, width, references * 3]`. */
  references: Float32Array;
  /** `[batch * frames, bins, audioSteps]`. */
  features: Float32Array;
  /** `[batch, bins, syncSteps]`: the audio of all frames of a row. */
  syncFeatures: Float32Array;
  /** `[batch, 29, frames + 4]`: logits of all frames of a row and of two on both sides; where the generator hears logits. */
  syncLogits?: Float32Array;
  /** `[batch * frames]`, radians. */
  angles: Float32Array;
};

type Index = { ids: string[]; counts: number[]; usable: number[] };

const READS_AT_ONCE = 8;
/** Frames of audio on both sides of a row that DINet's sync network hears. */
const SYNC_LOGIT_MARGIN = 2;

/** Makes batches for DINet as plain arrays, each a function of the options and its step alone; holds no tensor. */
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

  /** Steps of the store's features that a number of frames takes. */
  stepsOf(frameCount: number): number {
    const { stepsPerSecond, fps } = this.#store.recipe;
    return Math.ceil((frameCount * stepsPerSecond) / fps);
  }

  /** Bins and steps of what the generator hears of a frame. */
  get featureShape(): { bins: number; steps: number } {
    const { features, audioFrames } = this.#options;
    if (features === 'logits') return { bins: AUDIO_FEATURES.ASR_LOGITS.bins, steps: audioFrames };
    return { bins: this.#store.recipe.bins, steps: this.stepsOf(audioFrames) };
  }

  async make(step: number): Promise<PlainDinetBatch> {
    const index = await this.index();
    const { frameCount: row, references: count, audioFrames, features: hears } = this.#options;
    const samples = this.#plan(index, step);
    const { height, width } = storedShape(this.#store.recipe.crop);
    const { bins, fps, stepsPerSecond } = this.#store.recipe;
    const pixels = height * width;
    const { bins: audioBins, steps: audioSteps } = this.featureShape;
    const syncSteps = this.stepsOf(row);
    const logitSteps = row + 2 * SYNC_LOGIT_MARGIN;
    const frameCount = samples.length * row;
    const batch: PlainDinetBatch = {
      samples,
      frames: new Float32Array(frameCount * pixels * 3),
      references: new Float32Array(frameCount * pixels * count * 3),
      features: new Float32Array(frameCount * audioBins * audioSteps),
      syncFeatures: new Float32Array(samples.length * bins * syncSteps),
      ...(hears === 'logits' ? { syncLogits: new Float32Array(samples.length * audioBins * logitSteps) } : {}),
      angles: new Float32Array(frameCount),
    };
    await mapLimited([...samples.entries()], READS_AT_ONCE, async ([i, { clip: number, start, references }]) => {
      const id = index.ids[number];
      await named(id, async () => {
        const { clip, frames: framesOf } = await this.#store.reader(id);
        const shown = await framesOf(start, row);
        const at = (frame: number) => stepsBefore(frame, { fps, stepsPerSecond });
        const heard = hears === 'logits' ? logitsOf(clip) : clip.features;
        for (let k = 0; k < shown.length; k++) batch.frames[i * row * pixels * 3 + k] = shown[k] / 255;
        for (let t = 0; t < row; t++) {
          const picture = i * row + t;
          batch.angles[picture] = clip.poses[4 * (start + t) + 3];
          const first = start + t - (audioFrames >> 1);
          const from = hears === 'logits' ? first : at(first);
          copySteps(heard.data, audioBins, from, audioSteps, batch.features.subarray(picture * audioBins * audioSteps));
          for (const [slot, frame] of references[t].entries()) {
            const reference = await framesOf(frame, 1);
            const out = batch.references.subarray(picture * pixels * count * 3);
            for (let p = 0; p < pixels; p++) {
              for (let colour = 0; colour < 3; colour++)
                out[(p * count + slot) * 3 + colour] = reference[3 * p + colour] / 255;
            }
          }
        }
        copySteps(clip.features.data, bins, at(start), syncSteps, batch.syncFeatures.subarray(i * bins * syncSteps));
        const around = batch.syncLogits?.subarray(i * audioBins * logitSteps);
        if (around) copySteps(heard.data, audioBins, start - SYNC_LOGIT_MARGIN, logitSteps, around);
      });
    });
    return batch;
  }

  #plan({ counts, usable }: Index, step: number): DinetSample[] {
    const { batch, frameCount, references, audioFrames, seed } = this.#options;
    if (!(Number.isSafeInteger(step) && step >= 0))
      fail(RangeError, 'DinetBatchMaker', 'step', 'a whole number, 0 or more', step);
    if (usable.length === 0)
      fail(RangeError, 'DinetBatchMaker', 'clips', 'at least 1 long enough', `${usable.length} of ${counts.length}`);
    const random = new Random(seed, step);
    const margin = audioFrames >> 1;
    return Array.from({ length: batch }, () => {
      const clip = usable[random.integer(usable.length)];
      const start = margin + random.integer(counts[clip] - frameCount - 2 * margin + 1);
      // A reference must not show what is to be painted.
      const others = Array.from({ length: counts[clip] }, (_, frame) => frame).filter(
        (frame) => frame < start || frame >= start + frameCount,
      );
      const drawn = () => Array.from({ length: references }, () => others[random.integer(others.length)]);
      return { clip, start, references: Array.from({ length: frameCount }, drawn) };
    });
  }

  async #readIndex(): Promise<Index> {
    const { clips: wanted, exclude, frameCount, audioFrames, features } = this.#options;
    const out = new Set(exclude);
    const ids = (wanted ?? (await this.#store.list())).filter((id) => !out.has(id));
    const needed = frameCount + 2 * (audioFrames >> 1) + 1;
    const infos = await mapLimited(ids, 16, (id) => named(id, () => this.#store.info(id)));
    // The last frames of a clip may have no audio.
    const { fps, stepsPerSecond } = this.#store.recipe;
    const counts = infos.map(({ frameCount: count, featureSteps, logitSteps }, index) => {
      if (features === 'logits' && logitSteps === undefined) failWithoutLogits(ids[index]);
      return Math.min(
        count,
        Math.floor((featureSteps * fps) / stepsPerSecond),
        features === 'logits' ? logitSteps! : Infinity,
      );
    });
    return { ids, counts, usable: counts.flatMap((count, index) => (count >= needed ? [index] : [])) };
  }
}

const logitsOf = ({ id, logits }: OpenClip): Features => logits ?? failWithoutLogits(id);

function failWithoutLogits(id: string): never {
  return fail(
    TypeError,
    'DinetBatchMaker',
    'clip',
    'with logits (prepare with --features) where the generator hears them',
    id,
  );
}

/** Steps `[steps, bins]` of a clip as `[bins, steps]`. */
function copySteps(data: Float32Array, bins: number, from: number, steps: number, out: Float32Array): void {
  const last = data.length / bins - 1;
  for (let step = 0; step < steps; step++) {
    const at = Math.min(last, Math.max(0, from + step)) * bins;
    for (let bin = 0; bin < bins; bin++) out[bin * steps + step] = data[at + bin];
  }
}
