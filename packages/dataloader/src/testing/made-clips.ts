import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BINS,
  madeFeatures,
  madeFrames,
  STORED_SIZE,
  similarity,
} from '../../../sync-windows/src/testing/made-windows';
import type { Clip, StoreRecipe } from '../store/clip';
import { ClipStore } from '../store/clip-store';

export { BINS, recipe, similarity } from '../../../sync-windows/src/testing/made-windows';

/** Made clips for tests: frame f of clip c is all (c, f, 0), mel step t is all t. */

export const storeRecipe: StoreRecipe = {
  crop: similarity(1.9, 6),
  features: 'THESIS_MEL',
  stepsPerSecond: 80,
  bins: BINS,
  fps: 25,
};

export function madeClip(id: string, count: number, mark = 0, featureSteps = Math.ceil(3.2 * count) + 1): Clip {
  return {
    id,
    frames: madeFrames(count, mark),
    frameCount: count,
    height: STORED_SIZE,
    width: STORED_SIZE,
    features: madeFeatures(featureSteps),
    audio: Int16Array.from({ length: count * 640 }, (_, i) => i % 1000),
    landmarks: Float32Array.from({ length: count * 136 }, (_, i) => i % 136),
    poses: Float32Array.from({ length: count * 4 }, (_, i) => i % 4),
    firstFrame: 0,
    score: 0.5,
    interpolated: 0,
  };
}

/** A new folder, and how to take it away. */
export async function temporaryFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'lipsync-dataloader-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A store with one clip for each length; clip c is marked c and called `c<c>.mp4.t0.s0`. */
export async function madeStore(folder: string, counts: number[], cacheBytes?: number): Promise<ClipStore> {
  const store = await ClipStore.create(folder, storeRecipe, {}, { cacheBytes });
  for (const [mark, count] of counts.entries()) await store.write(madeClip(`c${mark}.mp4.t0.s0`, count, mark));
  return store;
}
