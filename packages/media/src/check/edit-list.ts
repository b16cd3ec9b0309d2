import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

/** A larger index is left alone: that of days of video. */
const LARGEST_INDEX = 2 ** 28;

/** Two days at 60 frames a second. */
const MOST_FRAMES = 1e7;

/**
 * How many microseconds after the start of its edit a track's first frame is shown, in mp4 and mov: above 0 where the
 * edit begins in the middle of a frame, as in a file that was cut by copying. ffmpeg drops that frame and shows the
 * next one at the start of the edit.
 *
 * @param stream the number of the track. @returns 0 where there is no edit list, or one that is not a single edit.
 */
export async function firstFrameDelay(path: string, stream: number): Promise<number> {
  const file = await open(path, 'r');
  try {
    const index = await readIndex(file);
    const track = index && [...boxes(index)].filter(({ type }) => type === 'trak')[stream];
    return track ? delayOf(track.body) : 0;
  } finally {
    await file.close();
  }
}

/** The box `moov`. */
async function readIndex(file: FileHandle): Promise<Buffer | undefined> {
  const { size } = await file.stat();
  const head = Buffer.alloc(16);
  for (let at = 0; at + 8 <= size; ) {
    await file.read(head, 0, 16, at);
    const short = head.readUInt32BE(0);
    const length = short === 1 ? Number(head.readBigUInt64BE(8)) : short === 0 ? size - at : short;
    if (head.toString('latin1', 4, 8) === 'moov') {
      if (length > LARGEST_INDEX || length < 8) return undefined;
      const body = Buffer.alloc(length - 8);
      const { bytesRead } = await file.read(body, 0, body.length, at + 8);
      return body.subarray(0, bytesRead);
    }
    if (length < 8) return undefined;
    at += length;
  }
  return undefined;
}

function* boxes(bytes: Buffer): Generator<{ type: string; body: Buffer }> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (length < 8) return;
    yield { type: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + 8, at + length) };
    at += length;
  }
}

/** The box at the end of a path of types. */
function inside(bytes: Buffer, ...path: string[]): Buffer | undefined {
  let found: Buffer | undefined = bytes;
  for (const wanted of path) found = found && [...boxes(found)].find(({ type }) => type === wanted)?.body;
  return found;
}

function delayOf(track: Buffer): number {
  const [list, header] = [inside(track, 'edts', 'elst'), inside(track, 'mdia', 'mdhd')];
  const table = (type: string) => inside(track, 'mdia', 'minf', 'stbl', type);
  const [steps, offsets] = [table('stts'), table('ctts')];
  if (!list || !header || !steps || inside(track, 'mdia', 'hdlr')?.toString('latin1', 8, 12) !== 'vide') return 0;
  const long = list[0] === 1;
  const count = Math.min(list.readUInt32BE(4), (list.length - 8) / (long ? 20 : 12));
  const edits = Array.from({ length: count }, (_, index) =>
    long ? Number(list.readBigInt64BE(16 + 20 * index)) : list.readInt32BE(12 + 12 * index),
  ).filter((start) => start !== -1); // -1: nothing is shown
  const clock = header.readUInt32BE(header[0] === 1 ? 20 : 12);
  if (edits.length !== 1 || edits[0] < 0) return 0;
  let shortest = Number.POSITIVE_INFINITY;
  const offset = runs(offsets);
  let time = 0;
  for (const step of runs(steps)) {
    const after = time + (offset.next().value ?? 0) - edits[0];
    if (after >= 0) shortest = Math.min(shortest, after);
    if (after > shortest + 2 * clock) break; // no frame is shown two seconds before it is stored
    time += step;
  }
  const delay = (shortest / clock) * 1e6;
  return delay < 1e6 ? Math.round(delay) : 0;
}

/** The values of a table of counts and values, each as often as it says. */
function* runs(table: Buffer | undefined): Generator<number, undefined> {
  if (!table) return;
  const entries = Math.min(table.readUInt32BE(4), (table.length - 8) >> 3);
  let left = MOST_FRAMES;
  for (let entry = 0; entry < entries; entry++) {
    const value = table.readInt32BE(12 + 8 * entry);
    for (let count = table.readUInt32BE(8 + 8 * entry); count > 0 && left > 0; count--, left--) yield value;
  }
}
