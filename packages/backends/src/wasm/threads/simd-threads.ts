import type { Worker } from 'node:worker_threads';
import { nodeModule } from '@lipsync/contracts';
import type { WasmBackend } from '../heap';
import { type SimdKernels, sharedSimdModule, simdKernels } from '../simd/simd';

/** Largest number of arguments of a call. */
const MOST_ARGUMENTS = 32;

/** Indices in `control`. */
const JOB = 0; // number of the job
const LEFT = 1; // threads that have not finished it
const FAILED = 2; // threads whose share threw
const PLACES = 3;

type Pool = {
  workers: Worker[];
  control: Int32Array;
  /** For each worker: the function's index, the number of arguments (0: nothing to do), the arguments. */
  calls: Float64Array;
};

const pools = new WeakMap<WasmBackend, Pool>();

/** Function names by index, since shared memory holds integers. */
const NAMES: (keyof SimdKernels)[] = [
  'groupNorm',
  'groupNormGradient',
  'columnSums',
  'filterGradient',
  'winogradFilter',
  'winogradConvolve',
  'winogradGather',
  'winogradFilterGradient',
  'adamW',
];

/**
 * The code of a worker: it sleeps until the job number changes, runs its call and reports. CommonJS, as `eval: true`
 * requires.
 */
const WORKER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const { module, memory, control, calls, index, names, width } = workerData;
const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports;
const start = index * width;
let job = Atomics.load(control, ${JOB});
parentPort.postMessage('ready');
for (;;) {
  Atomics.wait(control, ${JOB}, job);
  const next = Atomics.load(control, ${JOB});
  if (next === job) continue;
  job = next;
  try {
    const count = calls[start + 1];
    if (count > 0) kernels[names[calls[start]]](...calls.subarray(start + 2, start + 2 + count));
  } catch {
    Atomics.add(control, ${FAILED}, 1);
  }
  if (Atomics.sub(control, ${LEFT}, 1) === 1) Atomics.notify(control, ${LEFT});
}
`;

/**
 * Starts `threads - 1` workers that run SIMD kernels on the threaded backend's shared memory. Node only. They sleep
 * between jobs, do not keep the process alive, and end with it.
 */
export async function startSimdThreads(backend: WasmBackend, threads: number): Promise<void> {
  const module = sharedSimdModule(backend);
  if (!module || threads < 2 || pools.has(backend)) return;
  const { Worker } = await nodeModule<typeof import('node:worker_threads')>('node:worker_threads');
  const width = MOST_ARGUMENTS + 2;
  const control = new Int32Array(new SharedArrayBuffer(4 * PLACES));
  const calls = new Float64Array(new SharedArrayBuffer(8 * width * (threads - 1)));
  const workers = Array.from({ length: threads - 1 }, (_, index) => {
    const workerData = { module, memory: backend.wasm.wasmMemory, control, calls, index, names: NAMES, width };
    return new Worker(WORKER_SOURCE, { eval: true, workerData });
  });
  await Promise.all(
    workers.map(
      (worker) =>
        new Promise<void>((resolve, reject) => {
          worker.once('message', () => resolve());
          worker.once('error', reject);
        }),
    ),
  );
  for (const worker of workers) worker.unref();
  pools.set(backend, { workers, control, calls });
}

/** Number of shares of work that run at once. */
export function simdThreads(backend: WasmBackend): number {
  return 1 + (pools.get(backend)?.workers.length ?? 0);
}

/**
 * Runs a SIMD kernel once for each list of arguments, each on its own thread, this one included, and waits for all.
 * At most `simdThreads` lists; the calls must not write to the same memory.
 */
export function runShares<Name extends keyof SimdKernels>(
  backend: WasmBackend,
  name: Name,
  shares: Parameters<SimdKernels[Name]>[],
): void {
  const kernels = simdKernels(backend)!;
  const call = kernels[name] as (...args: number[]) => void;
  const pool = pools.get(backend);
  if (!pool || shares.length === 1) {
    for (const share of shares) call(...(share as number[]));
    return;
  }
  const { control, calls, workers } = pool;
  const width = MOST_ARGUMENTS + 2;
  workers.forEach((_, index) => {
    const share: number[] = shares[index + 1] ?? [];
    calls.set([NAMES.indexOf(name), share.length, ...share], index * width);
  });
  Atomics.store(control, LEFT, workers.length);
  Atomics.store(control, FAILED, 0);
  Atomics.add(control, JOB, 1);
  Atomics.notify(control, JOB);
  call(...(shares[0] as number[]));
  for (;;) {
    const left = Atomics.load(control, LEFT);
    if (left === 0) break;
    Atomics.wait(control, LEFT, left);
  }
  if (Atomics.load(control, FAILED) > 0) throw new Error(`${name}: a thread must finish its share, got an error there`);
}

/**
 * `[from, to)` of each share of `count` items in multiples of `unit`; one share for each thread, fewer where there are
 * too few items.
 */
export function split(count: number, threads: number, unit = 1): [number, number][] {
  const units = Math.ceil(count / unit);
  const parts = Math.max(1, Math.min(threads, units));
  return Array.from({ length: parts }, (_, part) => {
    const edge = (i: number) => Math.min(count, Math.round((i * units) / parts) * unit);
    return [edge(part), edge(part + 1)];
  });
}
