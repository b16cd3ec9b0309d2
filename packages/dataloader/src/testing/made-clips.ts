import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SimilarityCrop, SyncRecipe } from '@lipsync/contracts';
import type { Clip, StoreRecipe } from '../store/clip';
import { ClipStore } from '../store/clip-store';

/** Made clips for tests: frame f of clip c is all (c, f, 0), mel step t is all t. */

export function similarity(side: number, size: number): SimilarityCrop {
  return {
    kind: 'similarity',
    centre: 'mean 48-67',
    upright: 'eye centres',
    side,
    size,
    window: 'clip median',
  };
}

export const BINS = 4;

export const storeRecipe: StoreRecipe = {
  crop: similarity(1.9, 6),
  features: 'THESIS_MEL',
  stepsPerSecond: 80,
  bins: BINS,
  fps: 25,
};

/** Five frames of 3x3 and 16 mel steps. */
export const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: similarity(1.18, 3),
  color: 'RGB',
  range: [0, 255],
  features: 'THESIS_MEL',
  featureSteps: 16,
};

export function madeClip(id: string, count: number, mark = 0, featureSteps = Math.ceil(3.2 * count) + 1): Clip {
  const size = 6;
  const frames = new Uint8Array(count * size * size * 3);
  for (let pixel = 0; pixel < frames.length / 3; pixel++) {
    frames[3 * pixel] = mark;
    frames[3 * pixel + 1] = Math.floor(pixel / (size * size));
  }
  return {
    id,
    frames,
    count,
    height: size,
    width: size,
    features: {
      data: Float32Array.from({ length: featureSteps * BINS }, (_, i) => Math.floor(i / BINS)),
      steps: featureSteps,
      bins: BINS,
    },
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
