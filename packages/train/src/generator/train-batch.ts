import { fail } from '@lipsync/contracts';
import type { FeatureBatch } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { evenShare } from '../step/even-share';

/** Rows of frames for one step of a `GeneratorTrainer`, row after row; all borrowed. */
export type GeneratorTrainBatch = {
  /** The true frames `[rows * frameCount, height, width, 3]`, RGB, 0..1. */
  real: tf.Tensor4D;
  /** The same with zeros in the hidden part. */
  masked: tf.Tensor4D;
  /** `[rows * frameCount, height, width, references * 3]`. */
  references: tf.Tensor4D;
  /** `[rows * frameCount, bins, steps]`. */
  audio: tf.Tensor3D;
  /** `[rows * frameCount]`, radians; needed by the sync loss. */
  angles?: tf.Tensor1D;
  /**
   * The expert's features `[windows, bins, steps, 1]`: as many windows as `mouthInput` makes of the frames, usually one
   * a row.
   */
  syncAudio?: FeatureBatch;
  /** Frames of a row. */
  frameCount: number;
};

/** Some rows of a batch and their share of it, 0..1. */
export type BatchPart = { batch: GeneratorTrainBatch; share: number };

/**
 * Refuses a batch whose shapes do not fit together.
 *
 * @param options.clipFrames frames that the clip discriminator takes, where there is one.
 * @param options.sync whether the sync loss takes part.
 */
export function assertTrainBatch(
  where: string,
  batch: GeneratorTrainBatch,
  { clipFrames, sync }: { clipFrames?: number; sync: boolean },
): void {
  const { real, masked, references, audio, frameCount } = batch;
  const [count, height, width] = real.shape;
  if (real.rank !== 4 || real.shape[3] !== 3)
    fail(TypeError, where, 'batch.real', 'of shape [rows * frameCount, height, width, 3]', real.shape);
  if (!(Number.isInteger(frameCount) && frameCount >= 1 && count > 0 && count % frameCount === 0))
    fail(RangeError, where, 'batch.frameCount', `a whole number that divides the ${count} frames`, frameCount);
  if (masked.shape.join() !== real.shape.join())
    fail(TypeError, where, 'batch.masked', `of shape [${real.shape.join(', ')}]`, masked.shape);
  if (references.rank !== 4 || references.shape.slice(0, 3).join() !== [count, height, width].join()) {
    const rule = `of shape [${count}, ${height}, ${width}, references * 3]`;
    fail(TypeError, where, 'batch.references', rule, references.shape);
  }
  if (audio.rank !== 3 || audio.shape[0] !== count)
    fail(TypeError, where, 'batch.audio', `of shape [${count}, bins, steps]`, audio.shape);
  if (clipFrames !== undefined && frameCount % clipFrames !== 0) {
    const rule = `a multiple of the ${clipFrames} frames that the clip discriminator takes`;
    fail(RangeError, where, 'batch.frameCount', rule, frameCount);
  }
  if (sync) assertSyncInput(where, batch);
}

function assertSyncInput(where: string, { real, angles, syncAudio, frameCount }: GeneratorTrainBatch): void {
  const count = real.shape[0];
  const rows = count / frameCount;
  if (angles?.shape.join() !== String(count))
    fail(TypeError, where, 'batch.angles', `of shape [${count}], for the sync loss`, angles?.shape);
  if (syncAudio?.rank !== 4 || syncAudio.shape[0] % rows !== 0) {
    const rule = `of shape [windows, bins, steps, 1] with as many windows for each of ${rows} rows`;
    fail(TypeError, where, 'batch.syncAudio', rule, syncAudio?.shape);
  }
}

/**
 * The batch in parts of at most `chunk` rows, as even as can be; `disposeParts` frees them. A single part is the batch
 * itself.
 */
export function divideBatch(batch: GeneratorTrainBatch, chunk?: number): BatchPart[] {
  const { real, masked, references, audio, angles, syncAudio, frameCount } = batch;
  const rows = real.shape[0] / frameCount;
  const parts = Math.ceil(rows / Math.min(rows, chunk ?? rows));
  if (parts === 1) return [{ batch, share: 1 }];
  return Array.from({ length: parts }, (_, part) => {
    const [first, end] = evenShare(rows, part, parts);
    // [rows · each, ...], any rank
    const of = <T extends tf.Tensor>(x: T): T => {
      const each = x.shape[0] / rows;
      const begin = [first * each, ...new Array<number>(x.rank - 1).fill(0)];
      return tf.slice(x, begin, [(end - first) * each, ...x.shape.slice(1)]);
    };
    const own = { real: of(real), masked: of(masked), references: of(references), audio: of(audio) };
    return {
      batch: { ...own, angles: angles && of(angles), syncAudio: syncAudio && of(syncAudio), frameCount },
      share: (end - first) / rows,
    };
  });
}

/** Frees the parts of a batch, but not the batch. */
export function disposeParts(parts: readonly BatchPart[], whole: GeneratorTrainBatch): void {
  for (const { batch } of parts) {
    if (batch === whole) continue;
    const { real, masked, references, audio, angles, syncAudio } = batch;
    tf.dispose([real, masked, references, audio, ...(angles ? [angles] : []), ...(syncAudio ? [syncAudio] : [])]);
  }
}
