import type { SelectBackendOptions } from '@lipsync/backends';
import type { ByteInput } from '@lipsync/checkpoints';
import { fail, nodeModule } from '@lipsync/contracts';
import { type Embedder, localEmbedder } from '@lipsync/metrics';
import type { OnnxRuntime } from '@lipsync/onnx';
import * as tf from '@tensorflow/tfjs-core';
import { type LoadExpertOptions, loadExpert } from '../load-expert/load-expert';
import { assetFolder } from '../peers/asset-folder';
import { loadBackends } from '../peers/optional-peers';
import { chooseOnnxRuntime, type EngineOptions, inOnnxRuntime } from './engine';

export type OpenEmbedderOptions = LoadExpertOptions &
  EngineOptions &
  Pick<SelectBackendOptions, 'backend' | 'accelerator' | 'verbose'> & {
    /** Threads that embed. Default: as many as there are processors, at most 8. In browsers the engine's own. */
    threads?: number;
  };

/** More worker threads each take memory and gain little. */
const MOST_THREADS = 8;

/**
 * Opens an expert in the fastest engine that is there, and sees to it that there is a backend in this thread, for the
 * faces.
 *
 * In onnxruntime in Node the expert runs in one worker thread, beside the thread that finds the faces; its file is any
 * that `loadExpert` takes, exported in memory. In TensorFlow.js on wasm in Node it runs in worker threads of one kernel
 * thread each. Otherwise it runs in this thread: with one thread, in browsers, on a graphics card, and where a network
 * scores pairs itself. Wasm kernels that share their work between threads (`backend: 'wasm-threaded'`) wait for one
 * another at each layer; whole batches in worker threads do not.
 *
 * @param source as in `loadExpert`; worker threads take a path, or the default, only.
 * @returns the embedder; `expert.engine` names an engine other than TensorFlow.js. The caller disposes it.
 * @throws Error for an engine that is not there or a backend that does not work here, and what loading the weights
 * throws.
 * @example
 * const embedder = await openEmbedder('expert.safetensors', { threads: 4, log: console.error });
 * const { faces } = await scoreVideo('talk.mp4', { expert: embedder });
 * await embedder.dispose();
 */
export async function openEmbedder(source?: ByteInput, options: OpenEmbedderOptions = {}): Promise<Embedder> {
  const ort = options.encoder ? noEngine(options) : await chooseOnnxRuntime('openEmbedder', options);
  return ort ? openInOnnxRuntime(source, options, ort) : openInTensorFlow(source, options);
}

/** Networks of latents have an encoder of the application's, which runs in TensorFlow.js. */
function noEngine({ engine }: OpenEmbedderOptions): undefined {
  if (engine === 'onnxruntime')
    fail(TypeError, 'openEmbedder', 'options.engine', 'tfjs, where an encoder is given', engine);
  return undefined;
}

async function openInOnnxRuntime(
  source: ByteInput | undefined,
  {
    backend = 'auto',
    accelerator: _,
    engine: __,
    verbose: ___,
    ort: given,
    log = () => {},
    threads,
    ...loading
  }: OpenEmbedderOptions,
  ort: OnnxRuntime,
): Promise<Embedder> {
  await backendForWeights(backend, wasmPlace(loading.assetsUrl));
  const count = threads ?? (await processors());
  if (isNode() && !given && count > 1 && isThreadSource(source)) {
    const own = Math.max(1, count - 1); // this thread finds the faces meanwhile
    const { ExpertThreads } = await import('./expert-threads');
    const worker = await ExpertThreads.start(1, {
      weights: source,
      options: { ...loading, threads: own },
      backend: { backend: 'wasm', threads: 1, accelerator: 'none' },
      onnxruntimeThreads: own,
    });
    if (worker.expert.space !== 'joint') {
      log(`Selected engine ${worker.expert.engine}`);
      return worker;
    }
    await worker.dispose();
  }
  const expert = await inOnnxRuntime(await loadExpert(source, { ...loading, threads }), { ort, threads });
  log(`Selected engine ${expert.engine}`);
  return localEmbedder(expert);
}

/** Where the files of the wasm backend are, in a browser. */
function wasmPlace(assetsUrl: string | URL | undefined): Pick<SelectBackendOptions, 'wasmPaths'> {
  const assets = assetFolder(assetsUrl);
  return assets ? { wasmPaths: assets.href } : {};
}

/** A backend that reads the weights and computes nothing: the one that is set, unless another is asked for. */
async function backendForWeights(
  backend: NonNullable<SelectBackendOptions['backend']>,
  wasm: Pick<SelectBackendOptions, 'wasmPaths'>,
): Promise<void> {
  if (backend === 'auto' && tf.getBackend()) return;
  const { selectBackend } = await loadBackends();
  // 'auto' would search for a graphics card.
  await selectBackend(backend === 'auto' && isNode() ? { backend: 'wasm', threads: 1 } : { backend, ...wasm });
}

async function openInTensorFlow(
  source: ByteInput | undefined,
  {
    backend = 'auto',
    accelerator,
    verbose,
    engine: _,
    ort: __,
    log = () => {},
    threads,
    ...loading
  }: OpenEmbedderOptions,
): Promise<Embedder> {
  const { selectBackend } = await loadBackends();
  const common = { log, verbose, ...(accelerator ? { accelerator } : {}), ...wasmPlace(loading.assetsUrl) };
  const count = loading.encoder ? 1 : await workerCount(source, { backend, threads });
  // Where worker threads embed, plain wasm for the faces: 'auto' takes it with one thread.
  const own = count > 1 ? 1 : threads;
  const { name } = await selectBackend({ backend, ...common, ...(own === undefined ? {} : { threads: own }) });
  if (count > 1 && name === 'wasm' && isThreadSource(source)) {
    const { ExpertThreads } = await import('./expert-threads');
    const setup = { backend: name, threads: 1, ...(accelerator ? { accelerator } : {}) } as const;
    const workers = await ExpertThreads.start(count, { weights: source, options: loading, backend: setup });
    if (workers.expert.space !== 'joint') {
      log(`${count} threads embed`);
      return workers;
    }
    await workers.dispose();
  }
  return localEmbedder(await loadExpert(source, { ...loading, threads }));
}

/** Worker threads that may embed in TensorFlow.js; 1: none beside this thread. */
async function workerCount(
  source: ByteInput | undefined,
  { backend, threads }: Pick<OpenEmbedderOptions, 'backend' | 'threads'>,
): Promise<number> {
  if (!isNode() || !isThreadSource(source) || source?.endsWith('.onnx')) return 1;
  if (backend !== 'auto' && backend !== 'wasm') return 1;
  return threads ?? processors();
}

const isNode = () => typeof process !== 'undefined' && process.versions?.node !== undefined;

/** Whether a worker thread can read it: a path, or the default. */
const isThreadSource = (source: ByteInput | undefined): source is string | undefined =>
  source === undefined || typeof source === 'string';

/** Processors, at most `MOST_THREADS`; 1 outside Node. */
async function processors(): Promise<number> {
  if (!isNode()) return 1;
  const { availableParallelism } = await nodeModule<typeof import('node:os')>('node:os');
  return Math.min(MOST_THREADS, availableParallelism());
}
