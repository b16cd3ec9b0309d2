import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../terminal/command';
import type { ScoreWords } from '../score-options';
import type { ScoredFile, Scorer, ScorerFacts } from '../scored-file';

/** First message to a process: how it scores. The names of files follow. */
export type ScoreStart = { options: ScoreWords };

/** Answers of a process: that it is ready, or why not; lines of the log; the result of a file. */
export type ScoreAnswer =
  | { ready: ScorerFacts }
  | { refused: string; usage: boolean }
  | { log: string }
  | { result: ScoredFile };

/**
 * A scorer in a process of its own, which ends with this one: a file on which the process dies, for want of memory or by
 * a fault of a decoder, costs the score of that file only.
 *
 * @throws UsageError and Error as `openScorer` does; `score` throws where the process dies.
 */
export async function startScoreProcess(options: ScoreWords, log: (line: string) => void): Promise<Scorer> {
  // The source's own tests run on the built program.
  const built = import.meta.url.endsWith('.ts') ? '../../../dist/score-program.js' : './score-program.js';
  const child = fork(fileURLToPath(new URL(built, import.meta.url)), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-2000);
  });
  child.on('message', (answer: ScoreAnswer) => void ('log' in answer && log(answer.log)));
  let fault: Error | undefined;
  child.on('error', (error) => {
    fault = error; // `ask` sees it, too
  });
  const ended = () => {
    const how = fault?.message ?? child.signalCode ?? `exit status ${child.exitCode}`;
    return new Error(`the process ended (${how}) ${lastLine(stderr)}`.trim());
  };
  /** Sends a message and waits for its answer. */
  const ask = (message: ScoreStart | string) =>
    new Promise<Exclude<ScoreAnswer, { log: string }>>((resolve, reject) => {
      if (fault || child.exitCode !== null || child.signalCode !== null) return reject(ended());
      const leave = () => void child.off('exit', onEnd).off('error', onEnd).off('message', onMessage);
      const onEnd = () => {
        leave();
        reject(ended());
      };
      const onMessage = (answer: ScoreAnswer) => {
        if ('log' in answer) return;
        leave();
        resolve(answer);
      };
      child.once('exit', onEnd).once('error', onEnd).on('message', onMessage);
      child.send(message, (error) => error && onEnd());
    });
  try {
    const started = await ask({ options });
    if ('refused' in started) throw started.usage ? new UsageError(started.refused) : new Error(started.refused);
    return {
      ...(started as { ready: ScorerFacts }).ready,
      score: async (file) => ((await ask(file)) as { result: ScoredFile }).result,
      dispose: async () => void child.kill(),
    };
  } catch (error) {
    child.kill();
    throw error;
  }
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? '';
