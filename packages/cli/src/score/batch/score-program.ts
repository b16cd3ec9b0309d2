import { UsageError } from '../../terminal/command';
import { openScorer } from '../open-scorer';
import { type Scorer, scoreOrReason } from '../scored-file';
import type { ScoreAnswer, ScoreStart } from './score-process';

/** The program of a scoring process: names of files come in, results go out, until the parent is gone. */
const answer = (message: ScoreAnswer): void => void process.send?.(message);
let scorer: Scorer | undefined;

async function start({ options }: ScoreStart): Promise<ScoreAnswer> {
  try {
    scorer = await openScorer(options, { log: (line) => answer({ log: line }), several: true });
    const { protocol, weights, settings } = scorer;
    return { ready: { protocol, weights, settings } };
  } catch (error) {
    return { refused: (error as Error).message, usage: error instanceof UsageError };
  }
}

process.on('message', async (message: ScoreStart | string) => {
  if (typeof message !== 'string') answer(await start(message));
  else if (scorer) answer({ result: await scoreOrReason(scorer, message) });
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(143)); // by which the parent ends it: what listens to `exit` runs
process.on('SIGINT', () => {}); // Ctrl-C reaches the parent, too, which ends this process
