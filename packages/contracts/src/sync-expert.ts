import { fail } from './fail';
import type { EmbeddingBatch, MelBatch, MouthBatch } from './axes';
import type { SyncRecipe } from './recipe';

/** One embedding, read back from the backend. */
export type Embedding = Float32Array;

/** One window of pictures for a visual tower: `[height, width, frames * 3]`, float32, in the recipe's value range. */
export type MouthWindow = { data: Float32Array; height: number; width: number; frames: number; startFrame: number };

/** A trained network that places pictures and sound in one space, near where they are in sync. */
export interface SyncExpert {
  /** For reports, as in "LSE-D (AVAlignNet)". */
  readonly name: string;
  /** What it must be fed with. */
  readonly recipe: SyncRecipe;
  readonly embeddingSize: number;
  /** `unit`: embeddings of length 1, distance sqrt(2 - 2 cos). `euclidean`: SyncNet 2016's, distance as PyTorch's with eps 1e-6. */
  readonly space: 'unit' | 'euclidean';
  /** SHA-256 of the weights, hexadecimal, where they came from a file. */
  readonly weightsHash?: string;
  /** `[batch, size, size, frames * 3]` to `[batch, embeddingSize]`; the caller disposes the result. */
  encodeFrames(frames: MouthBatch): EmbeddingBatch;
  /** `[batch, bins, melSteps, 1]` to `[batch, embeddingSize]`; the caller disposes the result. */
  encodeAudio(mel: MelBatch): EmbeddingBatch;
  dispose(): void;
}

/** Refuses pictures of another shape than the expert's recipe asks for. */
export function assertMouthBatch(where: string, recipe: SyncRecipe, shape: readonly number[]): void {
  const { size } = recipe.crop;
  const ok = shape.length === 4 && shape[1] === size && shape[2] === size && shape[3] === recipe.frames * 3;
  if (!ok) fail(TypeError, where, 'frames', `of shape [batch, ${size}, ${size}, ${recipe.frames * 3}]`, [...shape]);
}

/** Refuses mel windows of another shape than the expert's recipe asks for. */
export function assertMelBatch(where: string, recipe: SyncRecipe, shape: readonly number[], bins = 80): void {
  const ok = shape.length === 4 && shape[1] === bins && shape[2] === recipe.melSteps && shape[3] === 1;
  if (!ok) fail(TypeError, where, 'mel', `of shape [batch, ${bins}, ${recipe.melSteps}, 1]`, [...shape]);
}
