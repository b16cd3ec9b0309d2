import type { MediaTrack } from '@lipsync/contracts';
import { inPieces } from '../ffmpeg/in-pieces';
import { runFfmpeg } from '../ffmpeg/run-ffmpeg';
import type { InputFile } from '../read/input-file';
import { inputArguments } from '../read/input-file';
import type { StreamLine } from './tracks';

type Request = { ffmpegPath: string; file: InputFile; maxPixels: number };

/** Sides of the frames that are compared: cells of the whole frame, averaged. */
const CELLS = 32;
/** A frame moves where a cell differs from the frame before by more than this, of 255 levels. */
const MOVED = 2;
/** Of so many frames one after the other so many must move: an encoded still picture changes at key frames. */
const [MOVING, OF_FRAMES] = [5, 25];
/** A cell that changes by so many levels shows something else. */
const CHANGED = 32;

/** Why a video track cannot be used, by its frames up to those that move. */
export async function videoProblem(request: Request, { number }: StreamLine): Promise<MediaTrack['problem']> {
  const filter = `scale=${CELLS}:${CELLS}:flags=area,format=gray`;
  const args = ['-map', `0:${number}`, '-vf', filter, '-f', 'rawvideo', 'pipe:1'];
  let before: Uint8Array | undefined;
  let frames = 0;
  let moving: number[] = [];
  for await (const frame of pieces(request, args, CELLS * CELLS)) {
    const last = before;
    before = frame;
    const change = last ? largestDifference(last, frame) : 0;
    if (change > CHANGED) return undefined;
    if (change > MOVED) moving.push(frames);
    moving = moving.filter((index) => index > frames - OF_FRAMES);
    if (moving.length >= MOVING) return undefined;
    frames++;
  }
  if (frames === 0) return 'nothing decodes';
  return frames < OF_FRAMES && moving.length > 0.2 * frames ? undefined : 'still picture';
}

function largestDifference(a: Uint8Array, b: Uint8Array): number {
  let largest = 0;
  for (let at = 0; at < b.length; at++) largest = Math.max(largest, Math.abs(a[at] - b[at]));
  return largest;
}

const RATE = 8000;
/** Samples of a block: 50 ms. */
const BLOCK = 400;
/** A block has sound where a sample is at least this large: -60 dB. */
const SOUND = 33;
/** Blocks with sound that are needed: a click is none. */
const SOUND_BLOCKS = 3;

/** Why an audio track cannot be used, by its samples up to the first sounds, of any channel. */
export async function audioProblem(request: Request, { number }: StreamLine): Promise<MediaTrack['problem']> {
  const filter = `aresample=${RATE},aformat=sample_fmts=s16`;
  const args = ['-map', `0:${number}`, '-af', filter, '-f', 's16le', 'pipe:1'];
  let blocks = 0;
  let any = false;
  for await (const piece of pieces(request, args, 2 * BLOCK)) {
    any = true;
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength & ~1);
    for (let at = 0; at < view.byteLength; at += 2) {
      if (Math.abs(view.getInt16(at, true)) < SOUND) continue;
      if (++blocks === SOUND_BLOCKS) return undefined;
      break;
    }
  }
  return any ? 'silent' : 'nothing decodes';
}

/** What ffmpeg writes, in pieces of `bytes`, the last one maybe shorter. Damage is concealed. */
async function* pieces(
  { ffmpegPath, file, maxPixels }: Request,
  output: readonly string[],
  bytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const run = runFfmpeg(ffmpegPath, ['-nostdin', '-v', 'error', ...inputArguments(file, maxPixels), ...output]);
  try {
    yield* inPieces(run.stdout, bytes);
  } finally {
    await run.kill();
  }
}
