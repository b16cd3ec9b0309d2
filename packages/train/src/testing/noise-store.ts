import { join } from 'node:path';
import type { AVAlignNetConfig } from '@lipsync/avalignnet';
import { AUDIO_FEATURES, type StoredCrop, storedShape } from '@lipsync/contracts';
import { ClipStore, clipId } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';
import { storedCropFor } from '@lipsync/sync-windows';
import { recipeFor } from '../expert/trained-network';

export type NoiseStoreOptions = {
  network: 'syncnet' | 'wav2lip' | 'avalignnet';
  config?: AVAlignNetConfig;
  crop?: StoredCrop;
  /** Of the folder, after `clips-`. */
  name?: string;
};

/** Clips of noise in the form that a network's recipe asks for. */
export async function noiseStore(folder: string, { network, config, ...other }: NoiseStoreOptions): Promise<ClipStore> {
  const { crop, features, fps } = recipeFor({ network, config });
  const { bins, stepsPerSecond } = AUDIO_FEATURES[features];
  const stored = other.crop ?? storedCropFor(crop);
  const store = await ClipStore.create(join(folder, `clips-${other.name ?? network}`), {
    crop: stored,
    features,
    stepsPerSecond,
    bins,
    fps,
  });
  const count = 16;
  for (const name of ['a', 'b', 'c', 'd']) {
    const random = new Random(1, name.charCodeAt(0));
    const { height, width } = storedShape(stored);
    const steps = Math.ceil((count * stepsPerSecond) / fps) + 1;
    await store.write({
      id: clipId(`${name}.mp4`, 0, 0),
      frames: Uint8Array.from({ length: count * height * width * 3 }, () => random.integer(256)),
      frameCount: count,
      height,
      width,
      audio: Int16Array.from({ length: count * 640 }, () => random.integer(4000) - 2000),
      features: { data: Float32Array.from({ length: steps * bins }, () => random.normal()), steps, bins },
      landmarks: new Float32Array(count * 136),
      poses: new Float32Array(count * 4).fill(1),
      firstFrame: 0,
      score: 1,
      interpolated: 0,
    });
  }
  return store;
}
