import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LayoutName } from '../layouts/layouts';
import type { PrepareProgress, PrepareResult } from './prepare-video';
import type { PrepareFolderOptions, Preparer } from './preparer';

/** First message to a worker: what it prepares, and how. The names of videos follow. */
export type WorkerStart = {
  folder: string;
  options: Omit<PrepareFolderOptions, 'log' | 'onProgress'> & { layout: LayoutName };
};

/** Answers of a worker to the name of a video: progress, then its result or an error. */
export type WorkerAnswer = { progress: PrepareProgress } | { result: PrepareResult } | { error: string };

/**
 * A preparer in a process of its own, which takes one video after the other and ends with this process.
 *
 * @throws Error, by `prepare`, if the process dies, with the video that it was preparing.
 */
export function startPrepareWorker(folder: string, options: PrepareFolderOptions & { layout: LayoutName }): Preparer {
  const { log, onProgress, ...plain } = options;
  // The source's own tests run on the built program.
  const built = import.meta.url.endsWith('.ts') ? '../../dist/prepare-program.js' : './prepare-program.js';
  const child = fork(fileURLToPath(new URL(built, import.meta.url)), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const start: WorkerStart = { folder, options: plain };
  child.send(start);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-2000);
  });
  return {
    prepare: (source) =>
      new Promise((resolve, reject) => {
        const onExit = (code: number | null, signal: string | null) => {
          const got = `${signal ?? `exit status ${code}`} while preparing ${source}\n${stderr.trim()}`;
          reject(new Error(`prepareFolder: a worker must stay alive, got ${got}`));
        };
        if (child.exitCode !== null || child.signalCode !== null) return onExit(child.exitCode, child.signalCode);
        child.once('exit', onExit);
        const onMessage = (answer: WorkerAnswer) => {
          if ('progress' in answer) return onProgress?.(answer.progress);
          child.off('exit', onExit);
          child.off('message', onMessage);
          if ('result' in answer) resolve(answer.result);
          else reject(new Error(answer.error));
        };
        child.on('message', onMessage);
        child.send(source);
      }),
    close: () => void child.kill(),
  };
}
