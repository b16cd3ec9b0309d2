import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ExpertFacts, embedAudio, embedVisual } from '@lipsync/metrics';

/** The towers of an expert, wherever they run. */
export type Embedder = {
  readonly expert: ExpertFacts;
  /** Batches that run beside the caller; 0: the caller waits for each. */
  readonly concurrency: number;
  /** A row of frames for each window; the windows' arrays belong to the embedder from then on. */
  visual(windows: Float32Array[]): Promise<Float32Array>;
  /** A row of audio for each window, likewise. */
  audio(windows: Float32Array[]): Promise<Float32Array>;
};

/** The towers in this thread, on the backend that is set. The expert is borrowed. */
export function embedHere(expert: SyncExpert): Embedder {
  return {
    expert,
    concurrency: 0,
    visual: (windows) => embedVisual(expert, windows),
    audio: (windows) => embedAudio(expert, windows),
  };
}
