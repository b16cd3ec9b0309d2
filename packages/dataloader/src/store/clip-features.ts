import { audioFeatures, changeGain, featureStepCount, loudnessGain, speechLevel } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE, type Features, fail, type SyncRecipe } from '@lipsync/contracts';
import type { Clip, ClipInfo, StoreRecipe } from './clip';

/** What features are made of. */
export type ClipAudio = Pick<Clip, 'features' | 'logits' | 'audio' | 'speechDb'>;

type Wanted = Pick<SyncRecipe, 'features' | 'loudness'>;

/** Computed features by the clip's samples, then by features and loudness; freed with the samples. */
const computed = new WeakMap<Int16Array, Map<string, Features>>();

/**
 * The features of a clip that a recipe asks for: the stored ones, the logits, or computed from the clip's samples where
 * the store keeps others or the recipe has a loudness rule. The gain follows from the speech level of the whole file
 * where the store has it, as in scoring; else from that of the clip.
 *
 * @returns borrowed: shared with later calls, do not change them.
 * @throws TypeError for a clip without the logits that the recipe asks for.
 * @example
 * const { data, steps, bins } = featuresFor(await store.read(id), expert.recipe, store.recipe);
 */
export function featuresFor(clip: ClipAudio, recipe: Wanted, store: Pick<StoreRecipe, 'features'>): Features {
  const { features: name, loudness = 'none' } = recipe;
  if (name === 'ASR_LOGITS')
    return clip.logits ?? fail(TypeError, 'featuresFor', 'clip', 'with logits of a speech recogniser', 'one without');
  if (name === store.features && loudness === 'none') return clip.features;
  const key = JSON.stringify([name, loudness]);
  const known = computed.get(clip.audio) ?? new Map<string, Features>();
  computed.set(clip.audio, known);
  let found = known.get(key);
  if (!found) {
    const samples = samplesFor(clip, recipe);
    found = audioFeatures(name).compute({ samples, sampleRate: AUDIO_SAMPLE_RATE });
    known.set(key, found);
  }
  return found;
}

/** A clip's samples, 16 kHz, full scale 1, as loud as a recipe asks for: by default as stored. A new array. */
export function samplesFor(
  { audio, speechDb }: Pick<Clip, 'audio' | 'speechDb'>,
  { loudness = 'none' }: Pick<SyncRecipe, 'loudness'> = {},
): Float32Array {
  const samples = Float32Array.from(audio, (value) => value / 32768);
  if (loudness === 'none') return samples;
  return changeGain(
    samples,
    loudnessGain(loudness, speechDb ?? speechLevel({ samples, sampleRate: AUDIO_SAMPLE_RATE })),
  );
}

/** Steps of what `featuresFor` gives, known from a clip's header. */
export function stepsFor(
  { frameCount, featureSteps, logitSteps = 0 }: Pick<ClipInfo, 'frameCount' | 'featureSteps' | 'logitSteps'>,
  { features: name, loudness = 'none' }: Wanted,
  { fps }: Pick<StoreRecipe, 'fps'>,
): number {
  if (name === 'ASR_LOGITS') return logitSteps;
  if (loudness === 'none') return featureSteps;
  // The stored ones see a little of the audio behind the clip.
  return Math.min(featureSteps, featureStepCount(name, Math.round((frameCount * AUDIO_SAMPLE_RATE) / fps)));
}
