import { errorLines } from '../ffmpeg/message-lines';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { OutputLog } from '../read/output-log';

/** `-v` for runs that `followFilters` follows. */
export const ENCODE_LOG = ['-nostats', '-v', 'level+info'];

/**
 * Follows the messages of a run with `frameFilter` and `audioFilter` in it. Where frames or audio change in the middle,
 * these begin again from 0, and what is written from there on is at the wrong time.
 */
export function followFilters(): { listen: (text: string) => void; errors(): string; changed(): boolean } {
  const logs = [new OutputLog('frames'), new OutputLog('audio')];
  const { listen, text } = errorLines((line) => {
    for (const log of logs) log.add(line);
  });
  const changed = () => logs.some((log) => log.changedAt !== Number.POSITIVE_INFINITY);
  return { listen, errors: text, changed };
}

/**
 * Runs an encoder to its end and says whether its input changed in the middle: then the output is of no use.
 *
 * @throws Error with the last message where the exit status is not 0.
 */
export async function encodeRun(ffmpegPath: string, where: string, args: readonly string[]): Promise<boolean> {
  const { listen, errors, changed } = followFilters();
  const run = runFfmpeg(ffmpegPath, ['-nostdin', ...ENCODE_LOG, ...args], { listen });
  run.stdout.resume();
  const end = await run.ended;
  if (end.code !== 0 && !changed())
    throw new Error(`${where}: ffmpeg must come to its end, got ${lastLine({ ...end, messages: errors() })}`);
  return changed();
}
