import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LayoutName, PrepareResult } from '@lipsync/dataloader';
import type { PrepareFolderOptions, Preparer } from './preparer';

/** The first word that makes `lipsync` a worker of another `lipsync prepare`. */
export const WORKER_WORD = 'prepare-worker';

/** What a worker answers to the name of a video. */
export type WorkerAnswer = { result: PrepareResult } | { error: string };

/**
 * A preparer in a process of its own, which takes one video after the other and ends with this process.
 *
 * @throws Error, by `prepare`, if the process dies, with the video it was at.
 */
export function startPrepareWorker(folder: string, options: PrepareFolderOptions & { layout: LayoutName }): Preparer {
  const { log, ...plain } = options;
  const program = fileURLToPath(new URL('./lipsync.js', import.meta.url));
  const child = fork(program, [WORKER_WORD, JSON.stringify({ folder, options: plain })], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let heard = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    heard = (heard + text).slice(-2000);
  });
  return {
    prepare: (source) =>
      new Promise((resolve, reject) => {
        const gone = (code: number | null, signal: string | null) => {
          reject(
            new Error(
              `prepare: a worker must live, got ${signal ?? `exit status ${code}`} while preparing ${source}\n${heard.trim()}`,
            ),
          );
        };
        child.once('exit', gone);
        child.once('message', (answer: WorkerAnswer) => {
          child.off('exit', gone);
          if ('result' in answer) resolve(answer.result);
          else reject(new Error(answer.error));
        });
        child.send(source);
      }),
    close: () => void child.kill(),
  };
}

/** Serves `startPrepareWorker` on the other side: a name comes in, a result goes out, until the parent is gone. */
export function servePrepareWorker(preparer: Promise<Preparer>): void {
  process.on('message', async (source: string) => {
    const answer: WorkerAnswer = await preparer
      .then((ready) => ready.prepare(source))
      .then(
        (result) => ({ result }),
        (error: Error) => ({ error: error.message }),
      );
    process.send?.(answer);
  });
  process.on('disconnect', () => process.exit(0));
}
