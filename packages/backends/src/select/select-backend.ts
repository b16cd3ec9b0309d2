import { fail, nodeModule } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { startTfjsNode } from '../tfjs-node/start-tfjs-node';
import { ACCELERATOR_CHOICES, type AcceleratorChoice } from '../wasm/start-accelerator';
import { isNode, type StartedWasm, startWasm, type WasmPaths } from '../wasm/start-wasm';
import { startWebgpu } from '../webgpu/start-webgpu';
import { optionalPackage } from './optional-package';

/** Names of backends. In tfjs, both wasm backends are called 'wasm', both tfjs-node backends 'tensorflow'. */
export const BACKEND_NAMES = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm-threaded', 'wasm', 'webgl', 'cpu'] as const;

/** One of `BACKEND_NAMES`. */
export type BackendName = (typeof BACKEND_NAMES)[number];

/** The backends that 'auto' tries, in this order. */
const AUTOMATIC: BackendName[] = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm-threaded', 'wasm'];

/** The limit of tfjs-backend-wasm. */
const MOST_THREADS = 8;

export type SelectBackendOptions = {
  /**
   * The backend; 'auto' takes the first that works of tfjs-node-gpu, tfjs-node, webgpu, wasm-threaded, wasm. Default
   * 'auto'.
   */
  backend?: 'auto' | BackendName;
  /** Number of threads of wasm-threaded, 2 to 8. Default: the number of processors, at most 8. */
  threads?: number;
  /** With `backend: 'webgpu'`: whether a software adapter (SwiftShader) is accepted. For tests. Default false. */
  allowSoftwareGpu?: boolean;
  /**
   * Native kernels of `@lipsync/accelerator-onednn` for the wasm backends in Node: 'auto' uses them where they were
   * built, 'onednn' throws where they were not, 'none' does not use them. Default 'auto'.
   */
  accelerator?: AcceleratorChoice;
  /**
   * In browsers: the URL at which the application serves the `.wasm` files of tfjs-backend-wasm: a folder ending in
   * `/`, or a map by file name. Default: where the bundler puts the copies in this package.
   */
  wasmPaths?: WasmPaths;
  /** Receives one short line that names the backend. Default: nothing is logged. */
  log?: (line: string) => void;
  /** Whether `log` gets a second line: why the backends before it, or the accelerator, were not taken. Default false. */
  verbose?: boolean;
};

/** The selected backend. */
export type SelectedBackend = {
  name: BackendName;
  /** Number of threads that its kernels use; 1 where that is not known. */
  threads: number;
  /** A sentence that names the backend, and why those before it are not available. */
  reason: string;
};

/**
 * Selects, starts and sets a TensorFlow.js backend, for applications; libraries use the one that is set.
 *
 * Afterwards `tf.getBackend()` is set; the wasm backends have the kernels of `enableWasmTraining`. webgl, cpu and
 * WebGPU on a software adapter are selected by name only, since they are far slower (cpu, in plain JavaScript, is about
 * 100 times slower than wasm).
 *
 * @throws Error if the requested backend does not work here, with what to install; RangeError or TypeError for invalid
 *   options.
 * @example
 * const { name, threads } = await selectBackend({ log: console.error });
 */
export async function selectBackend(options: SelectBackendOptions = {}): Promise<SelectedBackend> {
  const { backend = 'auto', log = () => {}, verbose = false } = options;
  if (backend !== 'auto' && !BACKEND_NAMES.includes(backend)) {
    fail(TypeError, 'selectBackend', 'backend', `auto or one of ${BACKEND_NAMES.join(', ')}`, backend);
  }
  if (options.accelerator !== undefined && !ACCELERATOR_CHOICES.includes(options.accelerator)) {
    fail(RangeError, 'selectBackend', 'accelerator', `one of ${ACCELERATOR_CHOICES.join(', ')}`, options.accelerator);
  }
  const threads = options.threads ?? (await defaultThreads());
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    fail(RangeError, 'selectBackend', 'threads', `a whole number from 1 to ${MOST_THREADS}`, threads);
  }
  const failures: { name: BackendName; why: string }[] = [];
  for (const name of backend === 'auto' ? AUTOMATIC : [backend]) {
    try {
      const started = await start(name, threads, backend !== 'auto', options);
      const cause = backend === 'auto' ? 'the first that works here' : 'as requested';
      const missing = [...failures, ...(started.without ? [{ name: 'the accelerator', why: started.without }] : [])];
      const others = missing.map((failure) => `${failure.name} (${failure.why})`).join('; ');
      const notAvailable = others && `Not available: ${others}.`;
      const reason = `Selected backend ${name}${started.note}, ${cause}.${notAvailable && ` ${notAvailable}`}`;
      log(`Selected backend ${name}${started.note}`);
      if (verbose && notAvailable) log(notAvailable);
      return { name, threads: started.threads, reason };
    } catch (error) {
      failures.push({ name, why: (error as Error).message ?? String(error) });
    }
  }
  const all = failures.map(({ name, why }) => `${name}: ${why}`).join('; ');
  throw new Error(`selectBackend: backend must be one that works here, got ${backend} (${all})`);
}

/** `note` completes "backend NAME" in a sentence; `without`: why there is no accelerator. */
type Started = { threads: number; note: string; without?: string };

async function start(
  name: BackendName,
  threads: number,
  isRequested: boolean,
  options: SelectBackendOptions,
): Promise<Started> {
  const plain = { threads: 1, note: '' };
  const { accelerator = 'auto' } = options;
  switch (name) {
    case 'tfjs-node-gpu':
    case 'tfjs-node':
      await startTfjsNode({ gpu: name === 'tfjs-node-gpu' });
      return plain;
    case 'webgpu': {
      const gpu = await startWebgpu({ allowSoftware: isRequested && options.allowSoftwareGpu === true });
      return { ...plain, note: ` on ${gpu}` };
    }
    case 'wasm-threaded': {
      if (threads === 1) throw new Error('one thread was requested, or there is one processor');
      const started = await startWasm({ threads, wasmPaths: options.wasmPaths, accelerator });
      if (started.threads === 1 && isRequested)
        throw new Error('it started with one thread (in a page it uses half of the processors)');
      return { threads: started.threads, ...acceleratorNote(started, ` with ${started.threads} threads`) };
    }
    case 'wasm': {
      const started = await startWasm({ threads: 1, wasmPaths: options.wasmPaths, accelerator });
      return { threads: started.threads, ...acceleratorNote(started) };
    }
    case 'webgl':
    case 'cpu':
      if (name === 'webgl' && isNode()) throw new Error('it runs in browsers only');
      if (!tf.findBackendFactory(name)) await optionalPackage(`@tensorflow/tfjs-backend-${name}`);
      if (!(await tf.setBackend(name))) throw new Error(`tfjs-backend-${name} did not start`);
      return plain;
  }
}

function acceleratorNote({ accelerator }: StartedWasm, note = ''): Pick<Started, 'note' | 'without'> {
  if (!accelerator) return { note };
  return 'version' in accelerator
    ? { note: `${note} and the accelerator (oneDNN ${accelerator.version})` }
    : { note, without: accelerator.missing };
}

async function defaultThreads(): Promise<number> {
  const processors = isNode()
    ? (await nodeModule<typeof import('node:os')>('node:os')).availableParallelism()
    : (globalThis.navigator?.hardwareConcurrency ?? 1);
  return Math.max(1, Math.min(MOST_THREADS, processors));
}
