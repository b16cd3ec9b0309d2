import type { SyncExpert } from '@lipsync/contracts/tensors';
import { anglesOf, type ClipStore, featuresFor } from '@lipsync/dataloader';
import { batchSizeFor, localEmbedder } from '@lipsync/metrics';
import { cutFeatureWindow, cutMouthWindow, firstWindow, windowCount } from '@lipsync/sync-windows';

/** The embeddings of all windows of a clip, one row per video frame. */
export type ClipEmbeddings = {
  id: string;
  windows: number;
  /** `[windows, embeddingSize]` each, float32. */
  visual: Float32Array;
  audio: Float32Array;
};

/**
 * Embeds every window of a stored clip once. The expert is borrowed; no tensor outlives the call.
 *
 * @returns undefined for a clip too short for a window.
 */
export async function embedClip(expert: SyncExpert, store: ClipStore, id: string): Promise<ClipEmbeddings | undefined> {
  const { recipe } = expert;
  const clip = await store.read(id);
  const features = featuresFor(clip, recipe, store.recipe);
  const first = firstWindow(recipe);
  const windows = windowCount(clip.frameCount, features.steps, recipe) - first;
  if (windows < 1) return undefined;
  const cut = { stored: store.recipe.crop, recipe, angles: anglesOf(clip) };
  const embedder = localEmbedder(expert);
  const size = batchSizeFor(recipe);
  const [visual, audio]: Float32Array[][] = [[], []];
  for (let from = 0; from < windows; from += size) {
    const starts = Array.from({ length: Math.min(size, windows - from) }, (_, i) => first + from + i);
    visual.push(await embedder.visual(starts.map((start) => cutMouthWindow(clip.frames, start, cut))));
    audio.push(await embedder.audio(starts.map((start) => cutFeatureWindow(features, start, { recipe }))));
  }
  return { id, windows, visual: joined(visual), audio: joined(audio) };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
