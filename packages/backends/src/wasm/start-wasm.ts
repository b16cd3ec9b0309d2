import * as tf from '@tensorflow/tfjs-core';
import { enableWasmTraining } from './enable-wasm-training';
import type { WasmBackend } from './heap';
import { prepareSimd } from './simd/simd';
import { type AcceleratorChoice, startAccelerator } from './start-accelerator';
import { startSimdThreads } from './threads/simd-threads';
import { startThreadsInNode } from './threads/threads-in-node';
import { startThreadsInPage } from './threads/threads-in-page';

/** URL of the folder of the three `.wasm` files, or of each file, as in `setWasmPaths` of tfjs-backend-wasm. */
export type WasmPaths = string | Record<string, string>;

export type StartedWasm = {
  threads: number;
  /** The version of the accelerator, or why it is missing; null where it was not requested. */
  accelerator: { version: string } | { missing: string } | null;
};

export const isNode = (): boolean => typeof process === 'object' && typeof process.versions?.node === 'string';

/** A runtime that has the modules of Node, but in which the workers of tfjs's threaded module do not start. */
function runtimeWithoutThreads(): string | undefined {
  const { versions } = globalThis.process ?? {};
  // Bun refuses a worker by the address of a Blob; in Deno the worker's first line throws, which ends the process.
  if (versions?.bun) return 'Bun';
  return versions?.deno ? 'Deno' : undefined;
}

const IN_PAGE = 'the option wasmPaths says where it is';
const IN_NODE =
  'a bundler of server code must leave @lipsync packages out, in Next.js by serverExternalPackages; ' +
  'or the option wasmPaths';

/** The addresses that bundlers give the files. */
async function bundledPaths(): Promise<Record<string, string>> {
  const { WASM_FILES } = await import('./wasm-files');
  return Object.fromEntries(Object.entries(WASM_FILES).map(([name, url]) => [name, url.href]));
}

/**
 * Starts the wasm backend with our kernels, or uses it as it runs.
 *
 * @throws Error if it cannot start, or if it already runs with one thread and more were requested.
 */
export async function startWasm(options: {
  threads: number;
  wasmPaths?: WasmPaths;
  accelerator?: AcceleratorChoice;
}): Promise<StartedWasm> {
  const { threads, wasmPaths, accelerator = 'none' } = options;
  const runtime = runtimeWithoutThreads();
  if (threads > 1 && runtime) throw new Error(`the workers of tfjs-backend-wasm do not start in ${runtime}`);
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  enableWasmTraining();
  const running = 'wasm' in tf.engine().registry;
  if (!running) {
    if (wasmPaths !== undefined) wasm.setWasmPaths(wasmPaths);
    else if (!isNode()) wasm.setWasmPaths(await bundledPaths());
    wasm.setThreadsCount(threads);
    if (threads > 1 && !isNode() && !(await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT'))) {
      throw new Error(
        'this page is not cross-origin isolated (headers COOP same-origin and COEP require-corp), so it has no threads',
      );
    }
    if (isNode() || threads === 1) tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1);
  }
  const start = async () => {
    if (!(await tf.setBackend('wasm')))
      throw new Error(`its .wasm file did not load (see the console; ${isNode() ? IN_NODE : IN_PAGE})`);
    await tf.ready();
  };
  if (!running && isNode()) await startThreadsInNode(threads, start);
  else if (!running && threads > 1) await startThreadsInPage(start);
  else await start();
  const backend = tf.backend() as unknown as WasmBackend;
  await prepareSimd(backend);
  if (isNode()) await startSimdThreads(backend, threads);
  const started = backend.wasm.tfjs.getThreadsCount();
  if (running && threads > 1 && started === 1) {
    throw new Error(
      "it already runs with one thread; select it before anything else does, or call tf.removeBackend('wasm') first",
    );
  }
  return { threads: started, accelerator: isNode() ? await startAccelerator(backend, threads, accelerator) : null };
}
