import { voiceActivity } from '@lipsync/audio-mel';
import type { Features, SyncRecipe } from '@lipsync/contracts';
import { AUDIO_FEATURES, AUDIO_SAMPLE_RATE, audioWindowStart, fail, frameShape, storedShape } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import type { AugmentationDraw } from '@lipsync/sync-windows';
import { cutFeatureWindow, cutMouthWindow, firstWindow, windowCount } from '@lipsync/sync-windows';
import type { Augmentation } from '../augment/augmentation';
import { drawAugmentation } from '../augment/augmentation';
import { blendFrames, blendSteps, planStretch, type StretchedWindow } from '../augment/stretch-window';
import type { AudioDegradation } from '../degrade/audio-degradation';
import { degradeAudio, drawAudioDegradation } from '../degrade/audio-degradation';
import type { FrameDegradation } from '../degrade/frame-degradation';
import { degradeFrames, drawFrameDegradation } from '../degrade/frame-degradation';
import { FEATURE_CONTEXT, featuresWithin } from '../prepare/segment-audio';
import type { Clip } from '../store/clip';
import { anglesOf, binsFor } from '../store/clip';
import { type ClipAudio, featuresFor, samplesFor, stepsFor } from '../store/clip-features';
import type { OpenClip } from '../store/clip-file';
import type { ClipStore } from '../store/clip-store';
import { mapLimited } from '../store/map-limited';
import { withClipId } from '../store/with-clip-id';
import type { ClipLength, PlannedSample, SyncSampling } from './batch-plan';
import { planBatch, usableClips } from './batch-plan';

/** Degradation of training windows. */
export type Degradation = {
  frames: FrameDegradation;
  audio: AudioDegradation;
  /** Share of windows whose frames are degraded, and of windows whose audio is, 0..1. Default 1. */
  share?: number;
};

/** What a batch depends on, beside its step. */
export type SyncBatchOptions = {
  sampling: SyncSampling;
  augment: Augmentation | null;
  /** Degradation as of poor recordings; null for none. Takes about ten times as long as augmentation. */
  degradation: Degradation | null;
  seed: number;
  /** The clips to draw from. Default: all of the store. */
  clips?: readonly string[];
  exclude: readonly string[];
};

/** A batch as plain arrays, which can be transferred between threads. */
export type PlainSyncBatch = { samples: PlannedSample[]; frames: Float32Array; features: Float32Array };

/** Ids and lengths of the clips, and which of them are long enough. */
export type SyncIndex = { ids: string[]; clips: ClipLength[]; usable: number[] };

const READS_AT_ONCE = 8; // clips

/** Makes batches of windows as plain arrays, each a function of the options and its step only; holds no tensor. */
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
    const planned = planBatch(clips, usable, { sampling, seed, step });
    const voiced = await Promise.all(
      planned.map((sample, i) => this.#voiced(sample, { ids, clips, random: new Random(seed, step, i, VOICE) })),
    );
    const first = firstWindow(this.#recipe); // starts are planned from 0 on
    const samples = voiced.map((sample) => {
      return { ...sample, frameStart: sample.frameStart + first, featureStart: sample.featureStart + first };
    });
    const { height, width } = frameShape(this.#recipe.crop);
    const frameLength = height * width * this.#recipe.frameCount * 3;
    const featureLength = binsFor(this.#store.recipe, this.#recipe) * this.#recipe.featureSteps;
    const frames = new Float32Array(samples.length * frameLength);
    const features = new Float32Array(samples.length * featureLength);
    const draws = samples.map((_, i) => (augment ? drawAugmentation(augment, new Random(seed, step, i)) : undefined));
    await mapLimited([...usesOf(samples)], READS_AT_ONCE, async ([index, windows]) => {
      const id = ids[index];
      await withClipId(id, async () => {
        const { clip, frames: framesOf } = await this.#store.reader(id);
        const angles = anglesOf(clip);
        for (const i of windows.frames) {
          const { frameStart } = samples[i];
          const plan = this.#stretch(clip, samples[i], draws[i]);
          const plain = plan
            ? blendFrames(
                await framesOf(plan.firstFrame, plan.frameCount),
                clip.height * clip.width * 3,
                plan.framePositions,
              )
            : await framesOf(frameStart, this.#recipe.frameCount);
          cutMouthWindow(this.#degraded(plain, new Random(seed, step, i, DEGRADED_FRAMES)), 0, {
            stored: this.#store.recipe.crop,
            recipe: this.#recipe,
            angles: angles.subarray(frameStart, frameStart + this.#recipe.frameCount),
            augmentation: draws[i],
            out: frames.subarray(i * frameLength, (i + 1) * frameLength),
          });
        }
        for (const i of windows.features) {
          const plan = this.#stretch(clip, samples[i], draws[i]);
          this.#cutFeature(clip, samples[i].featureStart, {
            augmentation: draws[i],
            plan,
            random: new Random(seed, step, i, DEGRADED_AUDIO),
            out: features.subarray(i * featureLength, (i + 1) * featureLength),
          });
        }
      });
    });
    return { samples, frames, features };
  }

  async #readIndex(): Promise<SyncIndex> {
    const { clips: wanted, exclude, sampling } = this.#options;
    const out = new Set(exclude);
    const ids = (wanted ?? (await this.#store.list())).filter((id) => !out.has(id));
    const manifest = sampling.kind === 'contrast' && sampling.balance ? await this.#store.manifest() : undefined;
    const people = new Map(manifest?.clips.map(({ id, identity }) => [id, identity]));
    const clips = await mapLimited(ids, 16, async (id) => {
      const info = await withClipId(id, () => this.#store.info(id));
      const steps = stepsFor(info, this.#recipe, this.#store.recipe);
      const windows = windowCount(info.frameCount, steps, this.#recipe) - firstWindow(this.#recipe);
      return { frameCount: info.frameCount, windows: Math.max(0, windows), person: people.get(id) };
    });
    return { ids, clips, usable: usableClips(clips, sampling, this.#recipe.frameCount) };
  }

  #degraded(frames: Uint8Array, random: Random): Uint8Array {
    const { degradation } = this.#options;
    return degradation && isDrawn(degradation, random)
      ? degradeFrames(frames, storedShape(this.#store.recipe.crop), drawFrameDegradation(degradation.frames, random))
      : frames;
  }

  /** How a window is made at another speed; undefined where it keeps its own. */
  #stretch(clip: OpenClip, sample: PlannedSample, draw: AugmentationDraw | undefined): StretchedWindow | undefined {
    if (draw?.speed === undefined) return undefined;
    const recipe = this.#recipe;
    const { stepsPerSecond } = AUDIO_FEATURES[recipe.features];
    return planStretch({
      speed: draw.speed,
      frameStart: sample.frameStart,
      stepStart: audioWindowStart(recipe, sample.featureStart),
      frameCount: recipe.frameCount,
      featureSteps: recipe.featureSteps,
      stepsPerFrame: stepsPerSecond / recipe.fps,
      clipFrames: clip.frameCount,
      clipSteps: featuresFor(clip, recipe, this.#store.recipe).steps,
    });
  }

  #cutFeature(
    clip: ClipAudio,
    start: number,
    {
      augmentation,
      plan,
      random,
      out,
    }: {
      augmentation: AugmentationDraw | undefined;
      plan: StretchedWindow | undefined;
      random: Random;
      out: Float32Array;
    },
  ): void {
    const recipe = this.#recipe;
    const features = featuresFor(clip, recipe, this.#store.recipe);
    const shift = augmentation?.audio.jitterSteps ?? 0;
    const first = plan ? Math.max(0, Math.floor(plan.stepPositions[0] + shift)) : audioWindowStart(recipe, start);
    const last = plan
      ? Math.min(features.steps - 1, Math.ceil(plan.stepPositions[recipe.featureSteps - 1] + shift))
      : first + recipe.featureSteps - 1;
    const degraded = this.#degradedFeatures(clip, { first, steps: last + 1 - first, random });
    const source = degraded ?? features;
    if (plan && augmentation) {
      const stretched = blendSteps(source, plan.stepPositions, shift - (degraded ? first : 0));
      cutFeatureWindow(stretched, 0, { recipe, augmentation: withoutJitter(augmentation), out });
    } else cutFeatureWindow(source, degraded ? 0 : start, { recipe, augmentation, out });
  }

  /**
   * Features of a piece of the clip's audio that is degraded as drawn; undefined where nothing is degraded, or the
   * audio ends just before the last step.
   */
  #degradedFeatures(
    clip: Pick<Clip, 'audio' | 'speechDb'>,
    { first, steps, random }: { first: number; steps: number; random: Random },
  ): Features | undefined {
    const { degradation } = this.#options;
    if (!degradation || !isDrawn(degradation, random)) return undefined;
    const { features: name } = this.#recipe;
    const audio = samplesFor(clip, this.#recipe); // as loud as the recipe asks for
    const hop = AUDIO_SAMPLE_RATE / AUDIO_FEATURES[name].stepsPerSecond;
    const from = Math.max(0, first * hop - FEATURE_CONTEXT);
    const to = Math.min(audio.length, (first + steps) * hop + 2 * FEATURE_CONTEXT);
    const level = Math.sqrt(audio.reduce((sum, value) => sum + value * value, 0) / audio.length);
    const piece = degradeAudio(audio.subarray(from, to), drawAudioDegradation(degradation.audio, random), { level });
    const degraded = featuresWithin(piece, { at: first * hop - from, ended: to === audio.length, name, steps });
    return degraded.steps < steps ? undefined : degraded;
  }

  /**
   * Moves a pair's audio, and the frames in sync with it, to a window with speech; leaves it where the clip has none.
   */
  async #voiced(
    sample: PlannedSample,
    { ids, clips, random }: { ids: string[]; clips: ClipLength[]; random: Random },
  ): Promise<PlannedSample> {
    const { sampling } = this.#options;
    if (sampling.kind !== 'pairs' || !sampling.minVoiced) return sample;
    const { featureClip, featureStart } = sample;
    const flags = await this.#voiceOf(ids[featureClip]);
    const { frameCount: length } = this.#recipe;
    const first = firstWindow(this.#recipe);
    const isVoiced = (start: number) => {
      let voiced = 0;
      for (let i = start; i < start + length; i++) voiced += flags[i + first] ?? 0;
      return voiced >= sampling.minVoiced! * length;
    };
    if (isVoiced(featureStart)) return sample;
    const starts = Array.from({ length: clips[featureClip].windows }, (_, start) => start).filter(isVoiced);
    const sameClip = sample.frameClip === featureClip;
    // Of an off-sync pair of one clip the frames stay where they are, so that their distance is still allowed.
    const allowed =
      sameClip && sample.label === 0
        ? starts.filter((start) => Math.abs(start - sample.frameStart) >= sampling.minDistance)
        : starts;
    if (allowed.length === 0) return sample;
    const moved = allowed[random.integer(allowed.length)];
    return { ...sample, featureStart: moved, ...(sample.label === 1 ? { frameStart: moved } : {}) };
  }

  async #voiceOf(id: string): Promise<Uint8Array> {
    let flags = this.#voices.get(id);
    if (!flags) {
      const samples = samplesFor(await this.#store.open(id));
      flags = voiceActivity({ samples, sampleRate: AUDIO_SAMPLE_RATE }, { fps: this.#recipe.fps });
      this.#voices.set(id, flags);
    }
    return flags;
  }
}

/** Whether a window is degraded; takes a random value only where not all are. */
function isDrawn({ share = 1 }: Degradation, random: Random): boolean {
  return share === 1 || random.uniform() < share;
}

/** The same augmentation without a moved start. */
function withoutJitter(draw: AugmentationDraw): AugmentationDraw {
  return { ...draw, audio: { ...draw.audio, jitterSteps: 0 } };
}

// Streams of random numbers that are apart from the augmentation's.
const VOICE = 1;
const DEGRADED_FRAMES = 2;
const DEGRADED_AUDIO = 3;

/** Which samples show each clip, and which take its features. */
function usesOf(samples: readonly PlannedSample[]): Map<number, { frames: number[]; features: number[] }> {
  const uses = new Map<number, { frames: number[]; features: number[] }>();
  const use = (clip: number) => uses.get(clip) ?? uses.set(clip, { frames: [], features: [] }).get(clip)!;
  samples.forEach((sample, i) => {
    use(sample.frameClip).frames.push(i);
    use(sample.featureClip).features.push(i);
  });
  return uses;
}

/** Refuses a sampling with values out of range. */
export function assertSampling(sampling: SyncSampling, framesInWindow: number): void {
  usableClips([], sampling, framesInWindow);
  if (
    sampling.kind === 'pairs' &&
    sampling.minVoiced !== undefined &&
    !(sampling.minVoiced >= 0 && sampling.minVoiced <= 1)
  ) {
    fail(RangeError, 'sampling', 'minVoiced', 'within 0..1', sampling.minVoiced);
  }
}
