import { AUDIO_SAMPLE_RATE, type Features, fail, type GeneratorRecipe } from '@lipsync/contracts';
import { type Clip, type ClipAudio, type ClipStore, parseClipId, type StoreRecipe } from '@lipsync/dataloader';
import { FeaturesAround } from '@lipsync/sync-windows';

/** Frames of a clip that have audio. */
export function framesWithAudio(
  { frameCount, features, logits }: Pick<Clip, 'frameCount' | 'features' | 'logits'>,
  { fps, stepsPerSecond }: StoreRecipe,
): number {
  return Math.min(frameCount, Math.floor((features.steps * fps) / stepsPerSecond), logits?.steps ?? Infinity);
}

/**
 * The audio of the next clip of another video that is long enough; of any other clip where there is none.
 *
 * @param at position of the clip in `ids`.
 * @returns undefined where no other clip is long enough.
 */
export async function audioOfOtherClip(
  ids: readonly string[],
  at: number,
  { store, frameCount }: { store: ClipStore; frameCount: number },
): Promise<ClipAudio | undefined> {
  const others = [...ids.slice(at + 1), ...ids.slice(0, at)];
  const source = parseClipId(ids[at]).source;
  const strangers = others.filter((id) => parseClipId(id).source !== source);
  for (const id of [...strangers, ...others.filter((one) => !strangers.includes(one))]) {
    const { featureSteps } = await store.info(id);
    if (Math.floor((featureSteps * store.recipe.fps) / store.recipe.stepsPerSecond) >= frameCount)
      return store.read(id);
  }
  return undefined;
}

/** A clip's own audio with its two halves exchanged. */
export function shiftedAudio(
  { features, logits, audio, speechDb }: ClipAudio,
  frameCount: number,
  store: StoreRecipe,
): ClipAudio {
  const half = frameCount >> 1;
  const rotated = <T extends Float32Array | Int16Array>(data: T, by: number): T => {
    const turned = data.slice() as T;
    turned.set(data.subarray(by));
    turned.set(data.subarray(0, by), data.length - by);
    return turned;
  };
  const moved = ({ data, steps, bins }: Features, perFrame: number): Features => {
    return { data: rotated(data, Math.floor(half * perFrame) * bins), steps, bins };
  };
  return {
    features: moved(features, store.stepsPerSecond / store.fps),
    ...(logits ? { logits: moved(logits, 1) } : {}),
    audio: rotated(audio, Math.min(audio.length, Math.floor((half * AUDIO_SAMPLE_RATE) / store.fps))),
    ...(speechDb === undefined ? {} : { speechDb }),
  };
}

/** The features around each frame that a generator takes. */
export function generatorAudio(
  { features, logits }: ClipAudio,
  { audio }: Pick<GeneratorRecipe, 'audio'>,
  store: StoreRecipe,
): FeaturesAround {
  const { kind, steps, firstFrame } = audio;
  if (kind === 'mel') return new FeaturesAround(features, { features: store.features, steps, firstFrame });
  if (!logits)
    return fail(TypeError, 'evaluateGenerator', 'clip', 'with logits, which the generator takes', 'one without');
  return new FeaturesAround(logits, { features: 'ASR_LOGITS', steps, firstFrame });
}
