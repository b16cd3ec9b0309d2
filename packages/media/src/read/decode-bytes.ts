import { MediaError } from '@lipsync/contracts';
import { cutShort } from '../check/cut-short';
import { ffmpegFault } from '../ffmpeg/ffmpeg-fault';
import { inPieces } from '../ffmpeg/in-pieces';
import type { MessageLine } from '../ffmpeg/message-lines';
import { errorLines } from '../ffmpeg/message-lines';
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
  /** Called where damage is passed over. */
  onDamage?: () => void;
};

/** Messages with which ffmpeg reports missing or broken data and still exits with status 0. */
const DAMAGE =
  /partial file|corrupt|damaged|Error while decoding|Error submitting packet|Invalid data found|Truncat|Packet mismatch|ended prematurely/i;

const counted = (count: number, { name }: Unit) => `${count} ${count === 1 ? name : name.replace(/^\w+/, '$&s')}`;

/** Whether a line of ffmpeg reports missing or broken data, if only as a warning. */
export const reportsDamage = ({ level, text }: MessageLine) => level !== 'info' && DAMAGE.test(text);

/**
 * Runs ffmpeg and yields its standard output in pieces of `unit.bytes`, each a new array over a buffer of its own.
 * Reads only as fast as the consumer takes: the pipe fills and ffmpeg waits. Ending the iteration kills the child.
 */
export async function* decodeBytes(
  ffmpegPath: string,
  { where, path, args, unit, damage, log, printed, onDamage }: DecodeRequest,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const strictness = damage === 'refuse' ? ['-xerror'] : [];
  let reported = false;
  const errors = errorLines((line) => {
    reported ||= reportsDamage(line);
    printed?.add(line);
  });
  const all = ['-nostdin', '-nostats', '-v', printed ? 'level+info' : 'level+warning', ...strictness, ...args];
  const run = runFfmpeg(ffmpegPath, all, { listen: errors.listen });
  let pieces = 0;
  try {
    let rest: Uint8Array<ArrayBuffer> | undefined;
    for await (const piece of inPieces(run.stdout, unit.bytes)) {
      if (piece.length < unit.bytes) rest = piece;
      else {
        pieces++;
        yield piece;
      }
    }
    const end = { ...(await run.ended), messages: errors.text() };
    const short = await cutShort(path).catch(() => undefined);
    const failed = end.code !== 0 || (rest !== undefined && unit.wholeOnly);
    const other = failed ? ffmpegFault(end) : undefined;
    if (other) throw new MediaError(`${where}: ${other.detail}, got ${path}: ${lastLine(end)}`, other);
    const broken = failed || reported || short !== undefined;
    if (failed || (broken && damage === 'refuse')) {
      const rule = 'a file that decodes to its end (option damage: "conceal" takes what there is)';
      const reason = short === undefined ? lastLine(end) : `cut short: ${short}`;
      const detail = `after ${counted(pieces, unit)}: ${reason}`;
      throw new MediaError(`${where}: path must be ${rule}, got ${path}: ${detail}`, {
        fault: 'damage',
        detail: `damaged ${detail}`,
      });
    }
    if (broken) onDamage?.();
    if (rest) yield rest;
    else if (pieces === 0) {
      throw new MediaError(
        `${where}: path must be a file with at least one ${unit.name}, got ${path}: ${lastLine(end)}`,
        { fault: 'file', detail: `no ${unit.name} decodes: ${lastLine(end)}` },
      );
    }
    if (short !== undefined) log(`${where}: ${path}: cut short: ${short}`);
    else if (end.messages.trim() !== '') log(`${where}: ${path}: ffmpeg says: ${lastLine(end)}`);
  } finally {
    await run.kill();
  }
}
