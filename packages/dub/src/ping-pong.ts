import type { VideoFrame } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

export type PingPongOptions = {
  /** Frames to give; as many as the video has, if it has fewer, from back to front and again. */
  count: number;
  /** Bytes of frames that may be held to be played backwards. Default 128 MiB, but 8 frames at least. */
  keepBytes?: number;
  /** Told once where the video cannot be entered in its middle. */
  log?: (line: string) => void;
};

const LONGEST_PIECE = 100; // frames, 4 s

/**
 * The frames of a video forwards, then backwards, then forwards …, `0 … N - 1, N - 2 … 0, 1 …`, until `count` were given: a video as long as is
 * wanted, without a jump. `index` stays the frame's own.
 *
 * Backwards it is read in pieces of at most 100 frames, or what `keepBytes` holds, each forwards; so memory is bounded, and each piece costs the
 * decoding from the key frame before it. Every frame read again is compared with a sum (4 bytes each are kept) of what it was at first: where
 * the video cannot be entered exactly it is read from its beginning.
 *
 * @param read frames from this index on; earlier ones may come before them.
 * @throws Error where the video is not the same when it is read again.
 * @example
 * for await (const frame of pingPong((first) => media.frames('talk.mp4', { first }), { count: 1000 })) { … }
 */
export async function* pingPong(
  read: (first: number) => AsyncIterable<VideoFrame>,
  options: PingPongOptions,
): AsyncGenerator<VideoFrame> {
  const { count, keepBytes = 128 * 2 ** 20, log = () => {} } = options;
  if (!(count >= 0)) fail(RangeError, 'pingPong', 'options.count', 'at least 0', count);
  let given = 0;
  let pieceLength = 1;
  const sums: number[] = [];
  if (count === 0) return;
  for await (const frame of read(0)) {
    sums.push(checkSum(frame));
    pieceLength = Math.max(8, Math.min(LONGEST_PIECE, Math.floor(keepBytes / frame.data.byteLength)));
    yield frame;
    if (++given === count) return;
  }
  if (sums.length === 0) fail(Error, 'pingPong', 'read', 'a video with frames', 'none');

  let exact = true;
  const piece = async (from: number, to: number): Promise<VideoFrame[]> => {
    if (exact && from > 0) {
      const frames = await collect(read(from), from, to).catch(() => []);
      if (matches(frames, from, to, sums)) return frames;
      exact = false;
      log(
        'the video cannot be entered exactly in its middle: each piece that is played backwards is read from the beginning (mp4, mov and mkv can)',
      );
    }
    const frames = await collect(read(0), from, to);
    if (!matches(frames, from, to, sums))
      fail(Error, 'pingPong', 'read', 'the same frames each time', `others from ${from} to ${to - 1}`);
    return frames;
  };

  const last = sums.length - 1;
  for (;;) {
    for (let to = last; to > 0 || last === 0; to = Math.max(0, to - pieceLength)) {
      const frames = await piece(Math.max(0, to - pieceLength), Math.max(1, to));
      while (frames.length > 0) {
        yield frames.pop()!;
        if (++given === count) return;
      }
    }
    for await (const frame of read(0)) {
      if (frame.index === 0) continue;
      yield frame;
      if (++given === count) return;
    }
  }
}

/** The frames `from` to `to - 1` of those that come. */
async function collect(frames: AsyncIterable<VideoFrame>, from: number, to: number): Promise<VideoFrame[]> {
  const found: VideoFrame[] = [];
  for await (const frame of frames) {
    if (frame.index >= from) found.push(frame);
    if (frame.index >= to - 1) break;
  }
  return found;
}

function matches(frames: VideoFrame[], from: number, to: number, sums: readonly number[]): boolean {
  return (
    frames.length === to - from &&
    frames.every((frame, i) => frame.index === from + i && checkSum(frame) === sums[from + i])
  );
}

/** A sum over every 61st byte, in order. */
function checkSum({ data }: VideoFrame): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < data.length; i += 61) sum = Math.imul(sum ^ data[i], 0x01000193);
  return sum >>> 0;
}
