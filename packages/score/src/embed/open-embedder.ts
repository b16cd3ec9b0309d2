import { availableParallelism } from 'node:os';
import { type BackendName, selectBackend } from '@lipsync/backends';
import { type LoadExpertOptions, loadExpert } from '../load-expert/load-expert';
import { type Embedder, embedHere } from './embedder';
import { ExpertThreads } from './expert-threads';

export type OpenEmbedderOptions = LoadExpertOptions & {
  /** Default `auto`. */
  backend?: BackendName | 'auto';
  /** Threads that embed. Default: as many as there are processors, at most 8. */
  threads?: number;
  /** Native kernels under wasm; see `selectBackend`. */
  accelerator?: 'auto' | 'onednn' | 'none';
  /** Called with a line that names the selected backend. Default: none. */
  log?: (line: string) => void;
};

/** An embedder that has to be disposed. */
export type OpenEmbedder = Embedder & { dispose(): Promise<void> };

/**
 * Starts a backend in this thread, for the faces, and an expert beside it: on wasm in threads of one kernel thread each, else in this thread.
 *
 * Kernels of wasm that share their work between threads (`backend: 'wasm-threaded'`) wait for one another at each layer, which whole batches in threads
 * do not. On a graphics card, by onnxruntime and where a network judges pairs itself, there is one expert in this thread.
 *
 * @throws Error for a backend that does not work here, and whatever reading the weights throws.
 */
export async function openEmbedder(weights: string, options: OpenEmbedderOptions = {}): Promise<OpenEmbedder> {
  const {
    backend = 'auto',
    threads = Math.min(8, availableParallelism()),
    accelerator,
    log = () => {},
    ...expertOptions
  } = options;
  const prefetch = accelerator ? { accelerator } : {};
  const alone = threads === 1 || weights.endsWith('.onnx') || (backend !== 'auto' && backend !== 'wasm');
  // With one thread 'auto' takes plain wasm where it would take the one with threads.
  const { name } = await selectBackend({ backend, threads: alone ? threads : 1, log, ...prefetch });
  if (!alone && name === 'wasm') {
    const beside = await ExpertThreads.start(threads, {
      weights,
      options: expertOptions,
      backend: { backend: name, threads: 1, ...prefetch },
    });
    if (beside.expert.space !== 'joint') {
      log(`${threads} threads embed`);
      return beside;
    }
    await beside.dispose();
  }
  const expert = await loadExpert(weights, { ...expertOptions, threads: options.threads });
  return { ...embedHere(expert), dispose: async () => expert.dispose() };
}
