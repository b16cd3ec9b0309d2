import { startBackend } from '@lipsync/score';
import type { WorkerAnswer, WorkerStart } from './prepare-worker';
import { openPreparer, type Preparer } from './preparer';

/** The program of a worker process: names of videos come in, results go out, until the parent is gone. */
const answer = (message: WorkerAnswer): void => void process.send?.(message);
let preparer: Promise<Preparer>;

async function open({ folder, options }: WorkerStart): Promise<Preparer> {
  // Small networks on one image at a time: a process each with one thread is faster than threads.
  await startBackend({ backend: 'wasm' });
  return openPreparer(folder, { ...options, onProgress: (progress) => answer({ progress }) });
}

async function prepare(source: string): Promise<WorkerAnswer> {
  try {
    return { result: await (await preparer).prepare(source) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

process.on('message', async (message: WorkerStart | string) => {
  if (typeof message === 'string') return answer(await prepare(message));
  preparer = open(message);
  preparer.catch(() => {}); // reported with the first video
});
process.on('disconnect', () => process.exit(0));
