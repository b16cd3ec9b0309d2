import type { VideoFrame } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

export type BackAndForthOptions = {
  /** Frames to yield. */
  count: number;
  /** Bytes of frames that may be held for playing backwards. Default 128 MiB, but at least 8 frames. */
  keepBytes?: number;
  /** Called once where the reader cannot seek exactly in this video. */
  log?: (line: string) => void;
};

const LONGEST_PIECE = 100; // frames, 4 s

/**
 * Plays a video back and forth: frames `0 … N - 1, N - 2 … 0, 1 …`, until `count` were yielded. So a video gets any
 * length without a jump. `index` stays the frame's own.
 *
 * Backwards it is read in pieces of at most 100 frames, or what `keepBytes` holds, each forwards. So memory is bounded,
 * and each piece costs the decoding from the key frame before it. Every frame that is read again is compared with a
 * checksum (4 bytes each are kept) of its first reading: where seeking is not exact, each piece is read from the
 * beginning of the video.
 *
 * @param read frames from an index on; earlier ones may come before them.
 * @throws Error where the video is not the same when it is read again.
 * @example
 * const read = (first: number) => reader.frames('talk.mp4', { first });
 * for await (const frame of backAndForth(read, { count: 1000 })) console.log(frame.index);
 */
export async function* backAndForth(
  read: (first: number) => AsyncIterable<VideoFrame>,
  options: BackAndForthOptions,
): AsyncGenerator<VideoFrame> {
  const { count, keepBytes = 128 * 2 ** 20, log = () => {} } = options;
  if (!(count >= 0)) fail(RangeError, 'backAndForth', 'options.count', 'at least 0', count);
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
  if (sums.length === 0) fail(Error, 'backAndForth', 'read', 'a video with frames', 'none');

  let exact = true;
  const piece = async (from: number, to: number): Promise<VideoFrame[]> => {
    if (exact && from > 0) {
      const frames = await collect(read(from), from, to).catch(() => []);
      if (matches(frames, from, to, sums)) return frames;
      exact = false;
      log(
        'this video cannot be sought exactly: each piece that is played backwards is read from the beginning (mp4, mov and mkv seek exactly)',
      );
    }
    const frames = await collect(read(0), from, to);
    if (!matches(frames, from, to, sums))
      fail(Error, 'backAndForth', 'read', 'the same frames each time', `others from ${from} to ${to - 1}`);
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

/** The frames with indices `from` to `to - 1`. */
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

/** FNV-1a over every 61st byte. */
function checkSum({ data }: VideoFrame): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < data.length; i += 61) sum = Math.imul(sum ^ data[i], 0x01000193);
  return sum >>> 0;
}
