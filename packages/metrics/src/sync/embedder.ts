import type { SyncRecipe } from '@lipsync/contracts';
import { frameShape } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';

/** What a score needs to know of an expert, wherever it runs. */
export type ExpertFacts = Pick<
  SyncExpert,
  'name' | 'recipe' | 'embeddingSize' | 'audioEmbeddingSize' | 'space' | 'weightsHash' | 'calibration' | 'engine'
>;

/**
 * The two towers of an expert, wherever they run: in this thread, in worker threads, in another program. Arrays in,
 * arrays out; the batch is the caller's choice.
 *
 * `AudioInput` is what stands for a window of audio: its features, or the frame at which a cache finds its embedding.
 */
export type Embedder<AudioInput = Float32Array> = {
  readonly expert: ExpertFacts;
  /** Batches that run beside the caller. 0: in the caller's own thread. */
  readonly concurrency: number;
  /**
   * @param windows `[height, width, frameCount * 3]` each, by the expert's recipe; not to be changed afterwards.
   * @returns `[windows, embeddingSize]`, float32.
   */
  visual(windows: readonly Float32Array[]): Promise<Float32Array>;
  /**
   * @param windows `[bins, featureSteps]` each, by the expert's recipe; not to be changed afterwards.
   * @returns `[windows, audioEmbeddingSize ?? embeddingSize]`, float32.
   */
  audio(windows: readonly AudioInput[]): Promise<Float32Array>;
  /**
   * Distances of pairs of embeddings, `[rows, embeddingSize]` and `[rows, audioEmbeddingSize]`: of experts that score
   * pairs themselves (`space: 'joint'`).
   *
   * @returns `[rows]`, float32.
   */
  pairDistances?(visual: Float32Array, audio: Float32Array): Promise<Float32Array>;
  /** Frees the expert. Safe to call twice. */
  dispose(): Promise<void>;
};

/** Frame windows of a batch may take this many bytes: more than one batch is pending where worker threads embed. */
const BATCH_BYTES = 4.25 * 2 ** 20;

/** More windows in a batch gain no speed. */
const MOST_WINDOWS = 32;

/**
 * Windows per batch so that their frames take at most 4.25 MiB (activations take several times that): 16 of ten frames
 * of 48 x 48, 1 of five of 224 x 224; 32 at most.
 *
 * @example
 * const size = batchSizeFor(expert.recipe);
 */
export function batchSizeFor({ crop, frameCount }: Pick<SyncRecipe, 'crop' | 'frameCount'>): number {
  const { height, width } = frameShape(crop);
  return Math.min(MOST_WINDOWS, Math.max(1, Math.floor(BATCH_BYTES / (height * width * frameCount * 3 * 4))));
}

/**
 * An expert in this thread, on the backend that is set, as an `Embedder`.
 *
 * Leaves no tensor behind. `dispose` disposes the expert; leave it out where the expert is used further.
 *
 * @example
 * const scorer = new WindowScorer(localEmbedder(expert));
 */
export function localEmbedder(expert: SyncExpert): Embedder {
  const { crop, frameCount, featureSteps } = expert.recipe;
  const { height, width } = frameShape(crop);
  const { embeddingSize, audioEmbeddingSize = embeddingSize } = expert;
  return {
    expert,
    concurrency: 0,
    visual: (windows) =>
      rowsOf(windows, (data, count) => {
        const frames: MouthBatch = tf.tensor4d(data, [count, height, width, frameCount * 3]);
        return expert.encodeVisual(frames);
      }),
    audio: (windows) =>
      rowsOf(windows, (data, count) => {
        const bins = data.length / count / featureSteps;
        const features: FeatureBatch = tf.tensor4d(data, [count, bins, featureSteps, 1]);
        return expert.encodeAudio(features);
      }),
    ...(expert.pairDistances
      ? {
          pairDistances: (visual, audio) => {
            const rows = visual.length / embeddingSize;
            return valuesOf(() =>
              expert.pairDistances!(
                tf.tensor2d(visual, [rows, embeddingSize]),
                tf.tensor2d(audio, [rows, audioEmbeddingSize]),
              ),
            );
          },
        }
      : {}),
    dispose: async () => expert.dispose(),
  };
}

async function rowsOf(
  windows: readonly Float32Array[],
  encode: (data: Float32Array, count: number) => EmbeddingBatch,
): Promise<Float32Array> {
  if (windows.length === 0) return new Float32Array(0);
  const data = joinWindows(windows);
  return valuesOf(() => encode(data, windows.length));
}

/** The values of the tensor, of any rank, that `make` returns, which is disposed. */
async function valuesOf(make: () => tf.Tensor): Promise<Float32Array> {
  const tensor = tf.tidy(make);
  try {
    return (await tensor.data()) as Float32Array;
  } finally {
    tensor.dispose();
  }
}

/** Windows of equal size one after the other, in a new array. */
function joinWindows(windows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(windows.reduce((sum, window) => sum + window.length, 0));
  let at = 0;
  for (const window of windows) {
    all.set(window, at);
    at += window.length;
  }
  return all;
}
