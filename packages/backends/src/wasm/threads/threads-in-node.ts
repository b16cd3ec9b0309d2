import { nodeModule } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/** A worker thread of emscripten. */
type PthreadWorker = { unref?(): void; terminate(): unknown };

type ThreadedModule = { PThread?: { unusedWorkers: PthreadWorker[]; runningWorkers: PthreadWorker[] } };

const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * Runs `start`, which initialises the wasm backend, with the changes that its threaded build needs in Node.
 *
 * tfjs-backend-wasm switches threads off in Node, because
 * - it starts its worker from a Blob URL, which Node's `Worker` does not accept: meanwhile `URL.createObjectURL`
 *   returns for that Blob a file with the same worker, which reads emscripten's script from disk;
 * - it uses half of the processors, 1 of 2: meanwhile `os.cpus` lists twice the number of threads;
 * - its workers keep the process alive, and its glue code adds handlers that rethrow unhandled errors: the workers are
 *   unreferenced, spare ones terminated, and the handlers removed.
 *
 * All changes are undone, and the file is deleted, when this returns or throws.
 */
export async function startThreadsInNode(threads: number, start: () => Promise<void>): Promise<void> {
  const listeners = EVENTS.map((event) => new Set<unknown>(process.listeners(event as 'uncaughtException')));
  try {
    if (threads > 1) await startWithWorkerFile(threads, start);
    else await start();
  } finally {
    EVENTS.forEach((event, i) => {
      for (const listener of process.listeners(event as 'uncaughtException')) {
        if (!listeners[i].has(listener)) process.removeListener(event, listener as never);
      }
    });
  }
}

async function startWithWorkerFile(threads: number, start: () => Promise<void>): Promise<void> {
  // The default export of a built-in module is the object that emscripten's `require` sees.
  const { default: os } = await nodeModule<{ default: typeof import('node:os') }>('node:os');
  const { mkdtemp, rm, writeFile } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  const folder = await mkdtemp(join(os.tmpdir(), 'lipsync-wasm-'));
  const file = join(folder, 'worker.cjs');
  await writeFile(file, await workerSource());
  const { cpus } = os;
  const { createObjectURL } = URL;
  const processors = cpus();
  os.cpus = () => Array.from({ length: Math.max(processors.length, 2 * threads) }, () => processors[0]);
  URL.createObjectURL = (blob) =>
    (blob as Blob).type === 'application/javascript' ? file : createObjectURL.call(URL, blob);
  try {
    await start();
  } finally {
    os.cpus = cpus;
    URL.createObjectURL = createObjectURL;
    await rm(folder, { recursive: true, force: true }); // every worker has read it when the backend is ready
  }
  const { PThread } = (tf.backend() as unknown as { wasm: ThreadedModule }).wasm;
  PThread?.runningWorkers.forEach((worker) => worker.unref?.());
  PThread?.unusedWorkers.splice(0).forEach((worker) => worker.terminate());
}

/** The published worker, which loads its script from a file in place of a Blob. */
async function workerSource(): Promise<string> {
  const { createRequire } = await nodeModule<typeof import('node:module')>('node:module');
  const { dirname } = await nodeModule<typeof import('node:path')>('node:path');
  const require = createRequire(import.meta.url);
  const folder = `${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/wasm-out`;
  const name = 'tfjs-backend-wasm-threaded-simd';
  const { wasmWorkerContents } = require(`${folder}/${name}.worker.js`) as { wasmWorkerContents: string };
  const changes: [string, string][] = [
    ['typeof e.data.urlOrBlob=="string"', 'true'],
    ['importScripts(e.data.urlOrBlob)', `importScripts(${JSON.stringify(`${folder}/${name}.js`)})`],
  ];
  let source = wasmWorkerContents.replace(/\n/g, '\\n'); // the template literal turned its \n into line breaks
  for (const [from, to] of changes) {
    if (!source.includes(from))
      throw new Error(`the worker of @tensorflow/tfjs-backend-wasm must contain ${from} (version 4.22.0)`);
    source = source.replace(from, () => to);
  }
  return source;
}
