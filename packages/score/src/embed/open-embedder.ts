import type { SelectBackendOptions } from '@lipsync/backends';
import type { ByteInput } from '@lipsync/checkpoints';
import { type Embedder, localEmbedder } from '@lipsync/metrics';
import { type LoadExpertOptions, loadExpert } from '../load-expert/load-expert';
import { loadBackends } from '../peers/optional-peers';

export type OpenEmbedderOptions = LoadExpertOptions &
  Pick<SelectBackendOptions, 'backend' | 'accelerator' | 'log'> & {
    /** Threads that embed. Default: as many as there are processors, at most 8. In browsers the backend's own. */
    threads?: number;
  };

/** More worker threads each take memory and gain little. */
const MOST_THREADS = 8;

/**
 * Selects a backend in this thread, for the faces, and opens an expert: on wasm in Node in worker threads of one kernel
 * thread each, else in this thread.
 *
 * Wasm kernels that share their work between threads (`backend: 'wasm-threaded'`) wait for one another at each layer;
 * whole batches in worker threads do not. On a graphics card, by onnxruntime and where a network scores pairs itself,
 * there is one expert in this thread.
 *
 * @param source as in `loadExpert`; worker threads take a path, or the default, only.
 * @returns the embedder; the caller disposes it.
 * @throws Error for a backend that does not work here, and what loading the weights throws.
 * @example
 * const embedder = await openEmbedder('expert.safetensors', { threads: 4, log: console.error });
 * const { faces } = await scoreVideo('talk.mp4', { expert: embedder });
 * await embedder.dispose();
 */
export async function openEmbedder(source?: ByteInput, options: OpenEmbedderOptions = {}): Promise<Embedder> {
  const { backend = 'auto', accelerator, log = () => {}, threads, ...expertOptions } = options;
  const { selectBackend } = await loadBackends();
  const common = { log, ...(accelerator ? { accelerator } : {}) };
  const count = options.encoder ? 1 : await workerCount(source, { backend, threads });
  // Where worker threads embed, plain wasm for the faces: 'auto' takes it with one thread.
  const own = count > 1 ? 1 : threads;
  const { name } = await selectBackend({ backend, ...common, ...(own === undefined ? {} : { threads: own }) });
  if (count > 1 && name === 'wasm' && (source === undefined || typeof source === 'string')) {
    const { ExpertThreads } = await import('./expert-threads');
    const setup = { backend: name, threads: 1, ...(accelerator ? { accelerator } : {}) } as const;
    const workers = await ExpertThreads.start(count, { weights: source, options: expertOptions, backend: setup });
    if (workers.expert.space !== 'joint') {
      log(`${count} threads embed`);
      return workers;
    }
    await workers.dispose();
  }
  return localEmbedder(await loadExpert(source, { ...expertOptions, threads }));
}

/** Worker threads that may embed; 1: none beside this thread. */
async function workerCount(
  source: ByteInput | undefined,
  { backend, threads }: Pick<OpenEmbedderOptions, 'backend' | 'threads'>,
): Promise<number> {
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  const isPath = typeof source === 'string' && !source.endsWith('.onnx');
  if (!inNode || !(source === undefined || isPath)) return 1;
  if (backend !== 'auto' && backend !== 'wasm') return 1;
  const { availableParallelism } = await import('node:os');
  return threads ?? Math.min(MOST_THREADS, availableParallelism());
}
