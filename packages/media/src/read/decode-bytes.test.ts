import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ffmpeg, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { decodeBytes } from './decode-bytes';
import { openMedia } from './open-media';

const folder = temporaryFolder();
const UNIT = { name: 'frame', bytes: 16 * 16, wholeOnly: true };
const SOURCE = (seconds: number) => [
  '-f',
  'lavfi',
  '-t',
  String(seconds),
  '-i',
  'color=gray:s=16x16:r=25',
  '-f',
  'rawvideo',
  '-pix_fmt',
  'gray',
  'pipe:1',
];

/** Processes of this one. */
async function children(): Promise<number[]> {
  const ps = spawn('ps', ['-o', 'pid=,comm=', '--ppid', String(process.pid)]);
  let text = '';
  for await (const chunk of ps.stdout) text += chunk;
  return text
    .split('\n')
    .filter((line) => line.includes('ffmpeg'))
    .map((line) => Number.parseInt(line, 10));
}

describe.skipIf(!ffmpeg)(`decodeBytes${SKIPPED}`, () => {
  const decode = (args: string[], unit = UNIT, log: (line: string) => void = () => undefined) =>
    decodeBytes(ffmpeg!.path, { where: 'decode', path: 'the file', args, unit, damage: 'refuse', log });

  test('yields whole pieces in new arrays', async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of decode(SOURCE(1))) pieces.push(piece);
    expect(pieces.length).toBe(25);
    expect(new Set(pieces.map((piece) => piece.buffer)).size).toBe(25);
    expect(pieces.every((piece) => piece.length === 256 && Math.abs(piece[7] - 128) < 5)).toBe(true);
  });

  test('an incomplete last piece is an error for frames and the last piece of audio', async () => {
    const run = async (wholeOnly: boolean) => {
      const lengths: number[] = [];
      for await (const piece of decode(SOURCE(1), { ...UNIT, bytes: 1000, wholeOnly })) lengths.push(piece.length);
      return lengths;
    };
    await expect(run(true)).rejects.toThrow('after 6 frames');
    expect(await run(false)).toEqual([1000, 1000, 1000, 1000, 1000, 1000, 400]);
  });

  test('no frame at all is an error', async () => {
    const [inputs, outputs] = [SOURCE(0.1).slice(0, 6), SOURCE(0.1).slice(6)];
    const nothing = [...inputs, '-vf', 'select=0', ...outputs];
    await expect(decode(nothing).next()).rejects.toThrow('at least one frame');
  });

  test('an error of ffmpeg carries its last line', async () => {
    await expect(decode(['-i', 'file:/no/such/file', '-f', 'rawvideo', 'pipe:1']).next()).rejects.toThrow(
      /after 0 frames: .*No such file or directory/,
    );
  });

  test.skipIf(process.platform !== 'linux')(
    'ending early kills the child, also when it has much left to write',
    async () => {
      const before = await children();
      for await (const _piece of decode(SOURCE(100_000))) break;
      expect((await children()).length).toBe(before.length);
      const iterator = decode(SOURCE(100_000));
      await iterator.next();
      expect((await children()).length).toBe(before.length + 1);
      await expect(iterator.throw(new Error('the consumer failed'))).rejects.toThrow('the consumer failed');
      expect((await children()).length).toBe(before.length);
    },
  );

  test('ffmpeg waits while the consumer works', async () => {
    const iterator = decode(SOURCE(100_000))[Symbol.asyncIterator]();
    await iterator.next();
    await new Promise((resolve) => setTimeout(resolve, 300));
    // A minute of video would be 384 kB: what has been read ahead is the pipe's and the stream's buffers, not the
    // video.
    const before = process.memoryUsage().arrayBuffers;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
    await iterator.return(undefined);
  });

  test('memory stays flat over a video of a hundred seconds and a slow consumer', async () => {
    const path = join(folder, 'long.mkv');
    // Stored as 500 frames, read as 2500 of 230 kB: 576 MB of frames.
    await make(
      '-f',
      'lavfi',
      '-t',
      '100',
      '-i',
      'testsrc=s=320x240:r=5',
      '-f',
      'lavfi',
      '-t',
      '100',
      '-i',
      'sine',
      '-c:v',
      'mpeg4',
      '-c:a',
      'pcm_s16le',
      path,
    );
    const media = await openMedia();
    const peaks = [0, 0];
    let frameCount = 0;
    for await (const frame of media.frames(path)) {
      frameCount++;
      if (frame.index % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const half = frame.index < 1300 ? 0 : 1;
      if (frame.index > 300) peaks[half] = Math.max(peaks[half], process.memoryUsage.rss());
    }
    expect(Math.abs(frameCount - 2500)).toBeLessThanOrEqual(3); // the last of 5 a second may end half way, by ffmpeg's version
    expect((peaks[1] - peaks[0]) / 2 ** 20).toBeLessThan(60); // MB; the second half alone is 288 MB of frames
    let samples = 0;
    for await (const piece of media.audio(path)) {
      expect(piece.samples.length).toBeLessThanOrEqual(16000);
      samples += piece.samples.length;
    }
    expect(Math.abs(samples - 1_600_000)).toBeLessThan(200);
  });
});
