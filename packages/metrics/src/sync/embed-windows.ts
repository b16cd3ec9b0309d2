import type { SyncRecipe } from '@lipsync/contracts';
import { frameShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';

/** Input of a network that may wait in a batch; more than one batch is under way where threads embed. */
const BATCH_BYTES = 4.25 * 2 ** 20;

/**
 * Windows embedded at once so that their images take at most 4.25 MiB (activations take several times that): 16 of ten images of 48 x 48, 1 of
 * five of 224 x 224; 32 at most.
 */
export function batchSizeFor({ crop, frameCount }: Pick<SyncRecipe, 'crop' | 'frameCount'>): number {
  const { height, width } = frameShape(crop);
  return Math.min(32, Math.max(1, Math.floor(BATCH_BYTES / (height * width * frameCount * 3 * 4))));
}

/**
 * Rows of the image tower.
 *
 * @param windows `[height, width, frames * 3]` each, by the expert's recipe.
 * @returns `[windows, embeddingSize]`; no tensor is left.
 */
export async function embedVisual(expert: SyncExpert, windows: readonly Float32Array[]): Promise<Float32Array> {
  const { crop, frameCount } = expert.recipe;
  const { height, width } = frameShape(crop);
  return rowsOf(
    () => expert.encodeVisual(tf.tensor4d(join(windows), [windows.length, height, width, frameCount * 3])),
    windows.length,
  );
}

/**
 * Rows of the audio tower.
 *
 * @param windows `[bins, featureSteps]` each, by the expert's recipe.
 * @returns `[windows, audioEmbeddingSize ?? embeddingSize]`; no tensor is left.
 */
export async function embedAudio(expert: SyncExpert, windows: readonly Float32Array[]): Promise<Float32Array> {
  const { featureSteps } = expert.recipe;
  return rowsOf(
    () =>
      expert.encodeAudio(
        tf.tensor4d(join(windows), [windows.length, windows[0].length / featureSteps, featureSteps, 1]),
      ),
    windows.length,
  );
}

async function rowsOf(encode: () => tf.Tensor2D, count: number): Promise<Float32Array> {
  if (count === 0) return new Float32Array(0);
  const rows = tf.tidy(encode);
  try {
    return (await rows.data()) as Float32Array;
  } finally {
    rows.dispose();
  }
}

function join(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
