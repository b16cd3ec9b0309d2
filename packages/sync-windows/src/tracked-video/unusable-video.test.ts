import { MediaError, type MediaFault } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { readable, readerError, UnusableVideo } from './unusable-video';

test('readerError keeps the text of a broken file without the folder and addresses', () => {
  const error = readerError(
    new Error('frames: path must decode, got /data/a b/x.mp4: [mov @ 0x55d1f00a] moov atom not found'),
    '/data/a b/x.mp4',
  );
  expect(error).toBeInstanceOf(UnusableVideo);
  expect((error as UnusableVideo).reason).toBe('broken');
  expect((error as UnusableVideo).detail).toBe('frames: path must decode, got x.mp4: [mov] moov atom not found');
});

test('readerError takes no file for broken because the system failed or somebody stopped the decoder', () => {
  const full = Object.assign(new Error('spawn EAGAIN'), { code: 'EAGAIN' });
  expect(readerError(full, 'x')).toBe(full);
  for (const text of ['frames: killed by SIGTERM; no message', 'frames: Exiting normally, received signal 2.']) {
    const stopped = new Error(text);
    expect(readerError(stopped, 'x')).toBe(stopped);
  }
  expect(readerError(new Error('killed by SIGSEGV; x'), 'x')).toBeInstanceOf(UnusableVideo);
});

test('readerError takes over what a reader says of whose fault it is', () => {
  const of = (fault: MediaFault) =>
    readerError(new MediaError('frames: long, got /a/x.mp4', { fault, detail: 'short, of /a/x.mp4' }), '/a/x.mp4');
  expect(of('stopped')).toBeInstanceOf(MediaError);
  const reasons = (['file', 'damage', 'track', 'decoder'] as const).map((fault) => {
    const { reason, detail } = of(fault) as UnusableVideo;
    return [reason, detail];
  });
  expect(reasons).toEqual([
    ['broken', 'short, of x.mp4'],
    ['broken', 'short, of x.mp4'],
    ['no such track', 'short, of x.mp4'],
    ['decoder failed', 'short, of x.mp4'],
  ]);
});

test('readable passes items on, turns errors, and ends its source when it is left', async () => {
  let closed = 0;
  async function* source(fails: boolean) {
    try {
      yield 1;
      if (fails) throw new Error('at 1 of a/b.mp4');
      yield 2;
    } finally {
      closed++;
    }
  }
  const seen: number[] = [];
  for await (const item of readable(source(false), 'a/b.mp4')) seen.push(item);
  expect(seen).toEqual([1, 2]);
  const rest = readable(source(true), 'a/b.mp4');
  await rest.next();
  await expect(rest.next()).rejects.toThrow('broken: at 1 of b.mp4');
  for await (const item of readable(source(false), 'a/b.mp4')) if (item === 1) break;
  expect(closed).toBe(3);
});
