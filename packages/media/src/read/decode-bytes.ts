import { cutShort } from '../check/cut-short';
import { errorLines } from '../ffmpeg/message-lines';
import type { FfmpegEnd } from '../ffmpeg/run-ffmpeg';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import type { OutputLog } from './output-log';

/** What to do with a file that is damaged or cut short. */
export type Damage = 'refuse' | 'conceal';

/** A piece of output: a frame, or a length of audio. */
type Unit = {
  /** For messages. */
  name: string;
  bytes: number;
  /** Whether a last piece that is not full is an error (frames) or the end (audio). */
  wholeOnly: boolean;
};

/** What `decodeBytes` decodes. */
export type DecodeRequest = {
  /** Names the caller's function in errors. */
  where: string;
  path: string;
  /** Arguments that write the output to `pipe:1`. */
  args: readonly string[];
  unit: Unit;
  damage: Damage;
  log: (line: string) => void;
  /** Follows what the filters print of each unit. */
  printed?: OutputLog;
};

/** Messages with which ffmpeg reports missing or broken data and still exits with status 0. */
const DAMAGE =
  /partial file|corrupt|damaged|Error while decoding|Error submitting packet|Invalid data found|Truncat|Packet mismatch|ended prematurely/i;

const counted = (count: number, { name }: Unit) => `${count} ${count === 1 ? name : name.replace(/^\w+/, '$&s')}`;

/** Whether ffmpeg reported missing or broken data. */
export const saysDamage = (end: FfmpegEnd) => DAMAGE.test(end.messages);

/**
 * Runs ffmpeg and yields its standard output in pieces of `unit.bytes`, each a new array over a buffer of its own.
 * Reads only as fast as the consumer takes: the pipe fills and ffmpeg waits. Ending the iteration kills the child.
 */
export async function* decodeBytes(
  ffmpegPath: string,
  { where, path, args, unit, damage, log, printed }: DecodeRequest,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const strictness = damage === 'refuse' ? ['-xerror'] : [];
  const errors = errorLines(printed?.hear);
  const words = ['-nostdin', '-nostats', '-v', printed ? 'level+info' : 'level+error', ...strictness, ...args];
  const run = runFfmpeg(ffmpegPath, words, { listen: errors.listen });
  let pieces = 0;
  try {
    let piece = new Uint8Array(unit.bytes);
    let filled = 0;
    for await (const chunk of run.stdout as AsyncIterable<Uint8Array>) {
      let offset = 0;
      while (offset < chunk.length) {
        const take = Math.min(unit.bytes - filled, chunk.length - offset);
        piece.set(chunk.subarray(offset, offset + take), filled);
        filled += take;
        offset += take;
        if (filled < unit.bytes) continue;
        const whole = piece;
        piece = new Uint8Array(unit.bytes);
        filled = 0;
        pieces++;
        yield whole;
      }
    }
    const end = { ...(await run.ended), messages: errors.text() };
    const short = await cutShort(path).catch(() => undefined);
    const broken = short !== undefined || saysDamage(end);
    const failed = end.code !== 0 || (filled > 0 && unit.wholeOnly);
    if (failed || (broken && damage === 'refuse')) {
      const rule = 'a file that decodes to its end (option damage: "conceal" takes what there is)';
      const reason = short === undefined ? lastLine(end) : `cut short: ${short}`;
      throw new Error(`${where}: path must be ${rule}, got ${path}: after ${counted(pieces, unit)}: ${reason}`);
    }
    if (filled > 0) {
      pieces++;
      yield piece.slice(0, filled);
    }
    if (pieces === 0) {
      throw new Error(`${where}: path must be a file with at least one ${unit.name}, got ${path}: ${lastLine(end)}`);
    }
    if (short !== undefined) log(`${where}: ${path}: cut short: ${short}`);
    else if (end.messages.trim() !== '') log(`${where}: ${path}: ffmpeg says: ${lastLine(end)}`);
  } finally {
    await run.kill();
  }
}
