import { expect, test } from 'vitest';
import { clipId, dropId, parseClipId, sourceName } from './clip-id';

test('an id gives its parts back, sub-folders and extensions kept', () => {
  for (const source of ['a.mp4', 'sub/a.mp4', 'sub/a.avi', 'sub.t1.s2/a', 'a.t0.s0', 'ж/1 2.mov']) {
    expect(parseClipId(clipId(source, 3, 12))).toEqual({ source, track: 3, segment: 12 });
  }
});

test('videos of equal base name never share an id', () => {
  const sources = ['x/a.mp4', 'y/a.mp4', 'a.mp4', 'a.avi', 'a', 'a.mp4.t0.s0'];
  const names = sources.flatMap((source) => [clipId(source, 0, 0), clipId(source, 0, 1), clipId(source, 1, 0)]);
  expect(new Set(names).size).toBe(names.length);
  const drops = ['a.mp4', 'a.mp4.t1', 'a.mp4.video'].flatMap((source) => [
    dropId(source),
    dropId(source, 1),
    dropId(source, 1, 0),
  ]);
  expect(new Set(drops).size).toBe(drops.length);
});

test('sourceName spells a path one way and refuses what leaves the folder', () => {
  expect(sourceName('./sub/a.mp4')).toBe('sub/a.mp4');
  for (const path of ['', '/a.mp4', '../a.mp4', 'a/../b.mp4', 'a//b.mp4']) {
    expect(() => sourceName(path)).toThrow(
      'sourceName: relativePath must be relative to the input folder and inside it',
    );
  }
  expect(() => parseClipId('a.mp4')).toThrow('parseClipId: id must be <source>.t<track>.s<segment>, got a.mp4');
});

test('a name with a line break is an id like any other', () => {
  const id = clipId('line\nbreak.mp4', 1, 2);
  expect(parseClipId(id)).toEqual({ source: 'line\nbreak.mp4', track: 1, segment: 2 });
});

test.each([
  ['win32', 'sub\\a.mp4', 'sub/a.mp4'],
  ['linux', 'back\\slash.mp4', 'back\\slash.mp4'],
  ['linux', 'c:drive.mp4', 'c:drive.mp4'],
])('on %s %s is %s', (platform, path, source) => {
  const before = Object.getOwnPropertyDescriptor(process, 'platform')!;
  Object.defineProperty(process, 'platform', { ...before, value: platform });
  try {
    expect(sourceName(path)).toBe(source);
    if (platform === 'win32') expect(() => sourceName('C:\\a.mp4')).toThrow('inside it');
  } finally {
    Object.defineProperty(process, 'platform', before);
  }
});
