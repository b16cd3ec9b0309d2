import type { MediaReader } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { readerOf, videoName } from './video-reader';

test('videoName is the path, the address, or the name of a File', () => {
  expect(videoName('talk.mp4')).toBe('talk.mp4');
  expect(videoName(new URL('https://example.org/a/talk.mp4'))).toBe('https://example.org/a/talk.mp4');
  expect(videoName(new File([], 'talk.webm'))).toBe('talk.webm');
  expect(videoName(new Blob([]))).toBe('the video given');
});

test('readerOf reads the video whatever the path, by all methods that the reader has', async () => {
  const asked: unknown[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]) =>
      asked.push([name, ...args]) as never;
  const reader = { probe: note('probe'), frames: note('frames'), audio: note('audio'), view: note('view') };
  const file = new File([], 'talk.webm');
  const own = readerOf(reader as unknown as MediaReader, file);
  own.probe('x', { channels: true });
  own.frames('x', { fps: 25 });
  own.audio('x');
  own.view?.('x', { maxSide: 8 });
  expect(asked).toEqual([
    ['probe', file, { channels: true }],
    ['frames', file, { fps: 25 }],
    ['audio', file, undefined],
    ['view', file, { maxSide: 8 }],
  ]);
  expect([own.both, own.concealed, own.published]).toEqual([undefined, undefined, undefined]);
});

test('readerOf leaves a reader of paths as it is', () => {
  const reader = {} as MediaReader;
  expect(readerOf(reader, 'talk.mp4')).toBe(reader);
});
