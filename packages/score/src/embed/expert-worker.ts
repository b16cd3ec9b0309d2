import { parentPort, workerData } from 'node:worker_threads';
import { type SelectBackendOptions, selectBackend } from '@lipsync/backends';
import { type ExpertFacts, embedAudio, embedVisual } from '@lipsync/metrics';
import { type LoadExpertOptions, loadExpert } from '../load-expert/load-expert';

/** What a thread is started with. */
export type ExpertWorkerSetup = { weights: string; options: LoadExpertOptions; backend: SelectBackendOptions };

/** What it is asked: rows of windows that lie one after the other in `data`. */
export type ExpertOrder = { tower: 'pictures' | 'sound'; data: Float32Array; count: number };

type Said = { name: string; message: string };

/** What it answers: that it is ready or failed to be, then in the order in which it was asked. */
export type ExpertAnswer = { ready: ExpertFacts } | { failed: Said } | { rows: Float32Array } | { error: Said };

/** A thread of `ExpertThreads`: the expert on a backend of its own, with one thread. */
const { weights, options, backend } = workerData as ExpertWorkerSetup;
const answer = (message: ExpertAnswer, moved: ArrayBuffer[] = []) => parentPort!.postMessage(message, moved);
const plain = ({ name, message }: Error) => ({ name, message });
const opened = selectBackend(backend).then(() => loadExpert(weights, options));
opened.then(
  ({ name, recipe, embeddingSize, audioEmbeddingSize, space, weightsHash }) =>
    answer({ ready: { name, recipe, embeddingSize, audioEmbeddingSize, space, weightsHash } }),
  (error: Error) => answer({ failed: plain(error) }),
);
let last: Promise<void> = Promise.resolve();
parentPort!.on('message', ({ tower, data, count }: ExpertOrder) => {
  // One after the other: an expert computes in this thread anyway.
  last = last.then(async () => {
    try {
      const expert = await opened;
      const length = data.length / count;
      const windows = Array.from({ length: count }, (_, i) => data.subarray(i * length, (i + 1) * length));
      const rows = Float32Array.from(await (tower === 'pictures' ? embedVisual : embedAudio)(expert, windows));
      answer({ rows }, [rows.buffer]);
    } catch (error) {
      answer({ error: plain(error as Error) });
    }
  });
});
