import { startBackend } from '@lipsync/score';
import type { LayoutName } from '../layouts/layouts';
import type { WorkerAnswer } from './prepare-worker';
import { openPreparer, type PrepareFolderOptions } from './preparer';

/** The program of a worker process: a name comes in, a result goes out, until the parent is gone. */
const { folder, options } = JSON.parse(process.argv[2]) as {
  folder: string;
  options: PrepareFolderOptions & { layout: LayoutName };
};
const answer = (message: WorkerAnswer): void => void process.send?.(message);
// Small networks on one image at a time: a process each with one thread is faster than threads.
const preparer = startBackend({ backend: 'wasm' }).then(() =>
  openPreparer(folder, { ...options, onProgress: (progress) => answer({ progress }) }),
);
preparer.catch(() => {}); // reported with the first video
process.on('message', async (source: string) => {
  answer(
    await preparer
      .then((ready) => ready.prepare(source))
      .then(
        (result) => ({ result }),
        (error: Error) => ({ error: error.message }),
      ),
  );
});
process.on('disconnect', () => process.exit(0));
