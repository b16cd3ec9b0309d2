import { fail, nodeModule } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { startTfjsNode } from '../tfjs-node/start-tfjs-node';
import type { AcceleratorWish } from '../wasm/start-accelerator';
import { isNode, type StartedWasm, startWasm, type WasmPaths } from '../wasm/start-wasm';
import { startWebgpu } from '../webgpu/start-webgpu';
import { optionalPackage } from './optional-package';

/** The backends by the names they have here; tfjs knows both wasm ones as 'wasm' and both tfjs-node ones as 'tensorflow'. */
export const BACKEND_NAMES = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm-threaded', 'wasm', 'webgl', 'cpu'] as const;

export type BackendName = (typeof BACKEND_NAMES)[number];

/** What 'auto' tries, in this order. */
const AUTOMATIC: BackendName[] = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm-threaded', 'wasm'];

/** More are not used by tfjs-backend-wasm. */
const MOST_THREADS = 8;

export type SelectBackendOptions = {
  /** Which one; 'auto' takes the first that works of tfjs-node-gpu, tfjs-node, webgpu, wasm-threaded, wasm. Default 'auto'. */
  backend?: 'auto' | BackendName;
  /** Threads of wasm-threaded, 2 to 8. Default: the processors of the machine, at most 8. */
  threads?: number;
  /** With `backend: 'webgpu'`: take an adapter that is computed by the processor (SwiftShader). For tests. Default false. */
  allowSoftwareGpu?: boolean;
  /** Of the wasm backends in Node: native kernels of @lipsync/accelerator-onednn; 'auto' where they were built, 'onednn' or an error, 'none'. Default 'auto'. */
  accelerator?: AcceleratorWish;
  /** In browsers: where the application serves the `.wasm` files of tfjs-backend-wasm; a folder's URL ending in `/`, or a map by file name. */
  wasmPaths?: WasmPaths;
  /** Gets one line that says what was selected and why nothing else. Default: nobody. */
  log?: (line: string) => void;
};

export type SelectedBackend = {
  name: BackendName;
  /** Threads that its kernels use; 1 where that is not known. */
  threads: number;
  /** A sentence: what was selected, and why those before it were not. */
  reason: string;
};

/**
 * Selects, starts and sets a TensorFlow.js backend, for applications and examples; libraries take the one that is set.
 *
 * Afterwards `tf.getBackend()` is set; the wasm backends have the kernels of `enableWasmTraining`. webgl, cpu and WebGPU on software are taken only when asked for by name, as they are far slower
 * (the plain JavaScript of cpu about 100 times slower than wasm).
 *
 * @throws Error if the backend asked for does not work here, with what to install; RangeError or TypeError for bad options.
 * @example
 * const { name, threads } = await selectBackend({ log: console.error });
 */
export async function selectBackend(options: SelectBackendOptions = {}): Promise<SelectedBackend> {
  const { backend = 'auto', log = () => {} } = options;
  if (backend !== 'auto' && !BACKEND_NAMES.includes(backend)) {
    fail(TypeError, 'selectBackend', 'backend', `auto or one of ${BACKEND_NAMES.join(', ')}`, backend);
  }
  const requests = ['auto', 'onednn', 'none'];
  if (options.accelerator !== undefined && !requests.includes(options.accelerator)) {
    fail(RangeError, 'selectBackend', 'accelerator', `one of ${requests.join(', ')}`, options.accelerator);
  }
  const threads = options.threads ?? (await defaultThreads());
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    fail(RangeError, 'selectBackend', 'threads', `a whole number from 1 to ${MOST_THREADS}`, threads);
  }
  const refused: string[] = [];
  for (const name of backend === 'auto' ? AUTOMATIC : [backend]) {
    try {
      const started = await start(name, threads, backend !== 'auto', options);
      const why = refused.length > 0 ? `; not ${refused.join('; not ')}` : '';
      const reason = `backend ${name}${started.note}, ${backend === 'auto' ? 'the first that works here' : 'as asked for'}${why}`;
      log(reason);
      return { name, threads: started.threads, reason };
    } catch (error) {
      refused.push(`${name}: ${(error as Error).message ?? String(error)}`);
    }
  }
  throw new Error(`selectBackend: backend must be one that works here, got ${backend} (${refused.join('; ')})`);
}

type Started = { threads: number; note: string };

async function start(
  name: BackendName,
  threads: number,
  asked: boolean,
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
      const gpu = await startWebgpu({ allowSoftware: asked && options.allowSoftwareGpu === true });
      return { ...plain, note: ` on ${gpu}` };
    }
    case 'wasm-threaded': {
      if (threads === 1) throw new Error('one thread was asked for, or there is one processor');
      const started = await startWasm({ threads, wasmPaths: options.wasmPaths, accelerator });
      if (started.threads === 1 && asked)
        throw new Error('it started with one thread (a page gets half the processors it sees)');
      return { threads: started.threads, note: ` with ${started.threads} threads${aboutAccelerator(started)}` };
    }
    case 'wasm': {
      const started = await startWasm({ threads: 1, wasmPaths: options.wasmPaths, accelerator });
      return { threads: started.threads, note: aboutAccelerator(started) };
    }
    case 'webgl':
    case 'cpu':
      if (name === 'webgl' && isNode()) throw new Error('it runs in browsers only');
      if (!tf.findBackendFactory(name)) await optionalPackage(`@tensorflow/tfjs-backend-${name}`);
      if (!(await tf.setBackend(name))) throw new Error(`tfjs-backend-${name} did not start`);
      return plain;
  }
}

function aboutAccelerator({ accelerator }: StartedWasm): string {
  if (!accelerator) return '';
  return 'version' in accelerator
    ? ` and the accelerator (oneDNN ${accelerator.version})`
    : ` without accelerator (${accelerator.missing})`;
}

async function defaultThreads(): Promise<number> {
  const processors = isNode()
    ? (await nodeModule<typeof import('node:os')>('node:os')).availableParallelism()
    : (globalThis.navigator?.hardwareConcurrency ?? 1);
  return Math.max(1, Math.min(MOST_THREADS, processors));
}
