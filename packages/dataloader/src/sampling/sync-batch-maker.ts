import { voiceActivity } from '@lipsync/audio-mel';
import { AUDIO_FEATURES, audioWindowStart, fail, pictureShape, storedShape } from '@lipsync/contracts';
import type { SyncRecipe } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { drawAugmentation } from '../augment/augmentation';
import type { Augmentation } from '../augment/augmentation';
import type { AugmentationDraw } from '@lipsync/sync-windows';
import { planBatch, usableClips } from './batch-plan';
import type { ClipLength, PlannedSample, SyncSampling } from './batch-plan';
import { anglesOf } from '../store/clip';
import type { Clip } from '../store/clip';
import { inParallel } from '../store/clip-store';
import type { ClipStore } from '../store/clip-store';
import { cutMelWindow } from '@lipsync/sync-windows';
import { cutMouthWindow } from '@lipsync/sync-windows';
import { damagePictures, drawPictureDamage } from '../degrade/picture-damage';
import type { PictureDamage } from '../degrade/picture-damage';
import { FEATURE_CONTEXT, featuresWithin } from '../prepare/segment-sound';
import { damageSound, drawSoundDamage } from '../degrade/sound-damage';
import type { SoundDamage } from '../degrade/sound-damage';
import { windowCount } from '@lipsync/sync-windows';

/** What a batch is a function of, beside its step. */
export type SyncBatchOptions = {
  sampling: SyncSampling;
  augment: Augmentation | null;
  /** Recordings of lesser quality; null for none. Costs about ten times what augmentation does. */
  damage: { pictures: PictureDamage; sound: SoundDamage } | null;
  seed: number;
  /** The clips to draw from. Default: all of the store. */
  clips?: readonly string[];
  exclude: readonly string[];
};

/** A batch as plain arrays, which can go from one thread to another. */
export type PlainSyncBatch = { samples: PlannedSample[]; frames: Float32Array; mel: Float32Array };

/** What is drawn from: ids, their lengths, and which of them are long enough. */
export type SyncIndex = { ids: string[]; clips: ClipLength[]; usable: number[] };

const READS_AT_ONCE = 8; // clips

/** Makes batches of windows as plain arrays, each a function of the options and its step alone; holds no tensor. */
export class SyncBatchMaker {
  readonly #store: ClipStore;
  readonly #recipe: SyncRecipe;
  readonly #options: SyncBatchOptions;
  readonly #voices = new Map<string, Uint8Array>();
  #index?: Promise<SyncIndex>;

  constructor(store: ClipStore, recipe: SyncRecipe, options: SyncBatchOptions) {
    this.#store = store;
    this.#recipe = recipe;
    this.#options = options;
  }

  /** Reads the clips' headers, once. */
  index(): Promise<SyncIndex> {
    this.#index ??= this.#readIndex();
    return this.#index;
  }

  async make(step: number): Promise<PlainSyncBatch> {
    const { ids, clips, usable } = await this.index();
    const { sampling, seed, augment } = this.#options;
    const planned = planBatch(clips, usable, sampling, seed, step);
    const samples = await Promise.all(planned.map((sample, i) => this.#voiced(sample, ids, clips, new Random(seed, step, i, VOICE))));
    const { height, width } = pictureShape(this.#recipe.crop);
    const frameLength = height * width * this.#recipe.frames * 3;
    const melLength = this.#store.recipe.bins * this.#recipe.melSteps;
    const frames = new Float32Array(samples.length * frameLength);
    const mel = new Float32Array(samples.length * melLength);
    const draws = samples.map((_, i) => (augment ? drawAugmentation(augment, new Random(seed, step, i)) : undefined));

    const uses = new Map<number, { frames: number[]; mel: number[] }>();
    const use = (clip: number) => uses.get(clip) ?? uses.set(clip, { frames: [], mel: [] }).get(clip)!;
    samples.forEach((sample, i) => {
      use(sample.frameClip).frames.push(i);
      use(sample.melClip).mel.push(i);
    });
    await inParallel([...uses], READS_AT_ONCE, async ([index, windows]) => {
      const id = ids[index];
      await named(id, async () => {
        const { clip, pictures: picturesOf } = await this.#store.reading(id);
        const angles = anglesOf(clip);
        for (const i of windows.frames) {
          const plain = await picturesOf(samples[i].frameStart, this.#recipe.frames);
          const pictures = this.#damaged(plain, new Random(seed, step, i, DAMAGED_PICTURES));
          const out = frames.subarray(i * frameLength, (i + 1) * frameLength);
          const turned = angles.subarray(samples[i].frameStart, samples[i].frameStart + this.#recipe.frames);
          const augmentation = draws[i];
          cutMouthWindow(pictures, 0, { stored: this.#store.recipe.crop, recipe: this.#recipe, angles: turned, augmentation, out });
        }
        for (const i of windows.mel) {
          const out = mel.subarray(i * melLength, (i + 1) * melLength);
          this.#cutMel(clip, samples[i].melStart, draws[i], new Random(seed, step, i, DAMAGED_SOUND), out);
        }
      });
    });
    return { samples, frames, mel };
  }

  async #readIndex(): Promise<SyncIndex> {
    const { clips: wanted, exclude, sampling } = this.#options;
    const out = new Set(exclude);
    const ids = (wanted ?? (await this.#store.list())).filter((id) => !out.has(id));
    const clips = await inParallel(ids, 16, async (id) => {
      const { count, melSteps } = await named(id, () => this.#store.info(id));
      return { frames: count, windows: windowCount(count, melSteps, this.#recipe) };
    });
    return { ids, clips, usable: usableClips(clips, sampling, this.#recipe.frames) };
  }

  #damaged(pictures: Uint8Array, random: Random): Uint8Array {
    const { damage } = this.#options;
    return damage ? damagePictures(pictures, storedShape(this.#store.recipe.crop), drawPictureDamage(damage.pictures, random)) : pictures;
  }

  #cutMel({ mel, sound }: Pick<Clip, 'mel' | 'sound'>, start: number, augmentation: AugmentationDraw | undefined, random: Random, out: Float32Array): void {
    const { damage } = this.#options;
    const recipe = this.#recipe;
    if (!damage) {
      cutMelWindow(mel, start, { recipe, augmentation, out });
      return;
    }
    // The window's own sound is damaged, and its features are computed anew.
    const hop = SAMPLE_RATE / AUDIO_FEATURES[recipe.mel].stepsPerSecond;
    const first = audioWindowStart(recipe, start) * hop;
    const from = Math.max(0, first - FEATURE_CONTEXT);
    const to = Math.min(sound.length, first + recipe.melSteps * hop + 2 * FEATURE_CONTEXT);
    const level = Math.sqrt(sound.reduce((sum, value) => sum + value * value, 0) / sound.length) / 32768;
    const piece = damageSound(Float32Array.from(sound.subarray(from, to), (value) => value / 32768), drawSoundDamage(damage.sound, random), { level });
    const damaged = featuresWithin(piece, { at: first - from, ended: to === sound.length, name: recipe.mel, steps: recipe.melSteps });
    // A sound that ends just before the last step: that of the clip.
    if (damaged.steps < recipe.melSteps) cutMelWindow(mel, start, { recipe, augmentation, out });
    else cutMelWindow(damaged, 0, { recipe, augmentation, out });
  }

  /** Moves a pair's sound, and what belongs to it, to where somebody speaks; leaves it where nobody does in all of the clip. */
  async #voiced(sample: PlannedSample, ids: string[], clips: ClipLength[], random: Random): Promise<PlannedSample> {
    const { sampling } = this.#options;
    if (sampling.kind !== 'pairs' || !sampling.minVoiced) return sample;
    const { melClip, melStart } = sample;
    const flags = await this.#voiceOf(ids[melClip]);
    const { frames: length } = this.#recipe;
    const isVoiced = (start: number) => {
      let voiced = 0;
      for (let i = start; i < start + length; i++) voiced += flags[i] ?? 0;
      return voiced >= sampling.minVoiced! * length;
    };
    if (isVoiced(melStart)) return sample;
    const starts = Array.from({ length: clips[melClip].windows }, (_, start) => start).filter(isVoiced);
    const sameClip = sample.frameClip === melClip;
    // Of an off-sync pair of one clip the pictures stay where they are, so that their distance is still allowed.
    const allowed = sameClip && sample.label === 0 ? starts.filter((start) => Math.abs(start - sample.frameStart) >= sampling.minOffset) : starts;
    if (allowed.length === 0) return sample;
    const moved = allowed[random.integer(allowed.length)];
    return { ...sample, melStart: moved, ...(sample.label === 1 ? { frameStart: moved } : {}) };
  }

  async #voiceOf(id: string): Promise<Uint8Array> {
    let flags = this.#voices.get(id);
    if (!flags) {
      const { sound } = await this.#store.open(id);
      flags = voiceActivity(Float32Array.from(sound, (value) => value / 32768), { fps: this.#recipe.fps });
      this.#voices.set(id, flags);
    }
    return flags;
  }
}

const SAMPLE_RATE = 16000;
// These keep draws apart from the augmentation's.
const VOICE = 1;
const DAMAGED_PICTURES = 2;
const DAMAGED_SOUND = 3;

/** Puts the clip's name in front of what goes wrong with it. */
export async function named<A>(id: string, work: () => Promise<A>): Promise<A> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && !error.message.includes(id)) error.message = `clip ${id}: ${error.message}`;
    throw error;
  }
}

/** Refuses options that cannot be a sampling's. */
export function assertSampling(sampling: SyncSampling, framesInWindow: number): void {
  usableClips([], sampling, framesInWindow);
  if (sampling.kind === 'pairs' && sampling.minVoiced !== undefined && !(sampling.minVoiced >= 0 && sampling.minVoiced <= 1)) {
    fail(RangeError, 'sampling', 'minVoiced', 'within 0..1', sampling.minVoiced);
  }
}
