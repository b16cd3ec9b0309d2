import type { SyncExpert } from '@lipsync/contracts';
import { embedPictures, embedSound, type ExpertFacts } from '@lipsync/metrics';

/** The towers of an expert, wherever they run. */
export type Embedder = {
  readonly expert: ExpertFacts;
  /** Batches that run beside the caller; 0: the caller waits for each. */
  readonly lanes: number;
  /** A row of pictures for each window; the windows' arrays belong to the embedder from then on. */
  pictures(windows: Float32Array[]): Promise<Float32Array>;
  /** A row of sound for each window, likewise. */
  sound(windows: Float32Array[]): Promise<Float32Array>;
};

/** The towers in this thread, on the backend that is set. The expert is borrowed. */
export function embedHere(expert: SyncExpert): Embedder {
  return {
    expert,
    lanes: 0,
    pictures: (windows) => embedPictures(expert, windows),
    sound: (windows) => embedSound(expert, windows),
  };
}
