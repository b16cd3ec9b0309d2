import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LayoutName } from '../layouts/layouts';
import type { PrepareProgress, PrepareResult } from './prepare-video';
import type { PrepareFolderOptions, Preparer } from './preparer';

/** What a worker answers to the name of a video; progress before the end of it. */
export type WorkerAnswer = { progress: PrepareProgress } | { result: PrepareResult } | { error: string };

/**
 * A preparer in a process of its own, which takes one video after the other and ends with this process.
 *
 * @throws Error, by `prepare`, if the process dies, with the video it was at.
 */
export function startPrepareWorker(folder: string, options: PrepareFolderOptions & { layout: LayoutName }): Preparer {
  const { log, onProgress, ...plain } = options;
  // The source's own tests run on the built program.
  const program = fileURLToPath(
    new URL(
      import.meta.url.endsWith('.ts') ? '../../dist/prepare-program.js' : './prepare-program.js',
      import.meta.url,
    ),
  );
  const child = fork(program, [JSON.stringify({ folder, options: plain })], {
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
        const hear = (answer: WorkerAnswer) => {
          if ('progress' in answer) return onProgress?.(answer.progress);
          child.off('exit', gone);
          child.off('message', hear);
          if ('result' in answer) resolve(answer.result);
          else reject(new Error(answer.error));
        };
        child.on('message', hear);
        child.send(source);
      }),
    close: () => void child.kill(),
  };
}
