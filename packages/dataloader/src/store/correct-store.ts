import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import { featuresWithin } from '../prepare/segment-audio';
import type { Clip } from './clip';
import { samplesFor } from './clip-features';
import { ClipStore } from './clip-store';
import type { Drop, StoreSplit, StoreSummary } from './store-records';

/** What becomes of a clip: its audio is moved, or it is left out. */
export type ClipCorrection = {
  /** Frames by which the audio is delayed, fractions included; negative: brought forward. */
  delayFrames?: number;
  /** Why the clip is left out. */
  drop?: Pick<Drop, 'reason' | 'detail'>;
};

export type CorrectStoreOptions = {
  /** By clip id; clips that are not named stay as they are. */
  corrections: Readonly<Record<string, ClipCorrection>>;
  /** Called after each clip. */
  onClip?: (done: number, total: number) => void;
};

/**
 * Copies prepared clips into another store with their audio moved by fractions of a frame, and without those that are
 * to be left out. Whatever the preparation knew of the clips, and its split, are kept.
 *
 * The features of moved audio are computed again. Where audio is delayed, the clip begins with silence; where it is
 * brought forward, its last windows have no audio and are not used. A copy that was stopped resumes.
 *
 * @param from the prepared store.
 * @param into folder of the new one.
 * @throws RangeError for a move of more than 15 frames, or of a clip that is not in the store.
 * @example
 * import { ClipStore, correctStore } from '@lipsync/dataloader';
 * const corrections = { 'talk/a.mp4.t0.s0': { delayFrames: -0.6 } };
 * await correctStore(await ClipStore.open('clips'), 'clips-corrected', { corrections });
 */
export async function correctStore(
  from: ClipStore,
  into: string,
  { corrections, onClip }: CorrectStoreOptions,
): Promise<{ summary: StoreSummary; moved: number; left: number }> {
  const ids = await from.list();
  const known = new Set(ids);
  for (const [id, { delayFrames = 0 }] of Object.entries(corrections)) {
    if (!known.has(id)) fail(RangeError, 'correctStore', 'corrections', 'of clips in the store', id);
    if (!(Math.abs(delayFrames) <= 15))
      fail(RangeError, 'correctStore', `corrections['${id}'].delayFrames`, '-15 to 15', delayFrames);
  }
  const store = await ClipStore.create(into, from.recipe, { ...from.settings, corrected: true });
  let [done, moved] = [0, 0];
  for (const record of await from.sources()) {
    const dropped = [...record.dropped];
    const clips: string[] = [];
    for (const id of record.clips) {
      const { delayFrames = 0, drop } = corrections[id] ?? {};
      if (drop) dropped.push({ source: record.source, ...drop });
      else {
        const samples = Math.round((delayFrames * AUDIO_SAMPLE_RATE) / from.recipe.fps);
        if (!(await store.has(id))) await store.write(withMovedAudio(await from.read(id), samples, from.recipe));
        if (samples !== 0) moved++;
        clips.push(id);
      }
      onClip?.(++done, ids.length);
    }
    for (const drop of dropped) await store.drop(drop);
    await store.finishSource({ ...record, clips, dropped });
  }
  const summary = await store.finish(await splitOf(from, new Set(await store.list())));
  return { summary, moved, left: ids.length - (await store.list()).length };
}

/** The clip with its audio delayed by some samples; negative: brought forward. */
function withMovedAudio(
  clip: Clip,
  delay: number,
  { features: name, fps, stepsPerSecond }: Pick<ClipStore['recipe'], 'features' | 'fps' | 'stepsPerSecond'>,
): Clip {
  if (delay === 0) return clip;
  const { audio, frameCount, offset } = clip;
  const moved = new Int16Array(Math.max(0, audio.length - Math.max(0, -delay)));
  moved.set(audio.subarray(Math.max(0, -delay), audio.length - Math.max(0, delay)), Math.max(0, delay));
  const steps = Math.ceil((stepsPerSecond * frameCount) / fps) + 1;
  const samples = samplesFor({ audio: moved });
  const features = featuresWithin(samples, { at: 0, ended: true, name, steps });
  const corrected = (offset?.corrected ?? 0) + (delay * fps) / AUDIO_SAMPLE_RATE;
  return { ...clip, audio: moved, features, ...(offset ? { offset: { ...offset, corrected } } : {}) };
}

/** The split of the first store for the clips that are left. */
async function splitOf(from: ClipStore, left: ReadonlySet<string>): Promise<StoreSplit | undefined> {
  const manifest = await from.manifest();
  if (!manifest?.split) return undefined;
  const clips = manifest.clips.flatMap(({ id, identity, split }) =>
    left.has(id) && identity !== undefined && split !== undefined ? [[id, { identity, split }] as const] : [],
  );
  return { ...manifest.split, clips: Object.fromEntries(clips) };
}
