import { expect, test } from 'vitest';
import { splitByList } from './split-by-list';

const ids = [
  '00158.mp4.t0.s0',
  '00158.mp4.t0.s1',
  'sub/00158.avi.t0.s0',
  '00159.mp4.t1.s0',
  'x/a.b.mp4.t0.s0',
  '001580.mp4.t0.s0',
];

test('an entry without extension stands for all clips of the videos of that name', () => {
  const { held, rest, dropped } = splitByList(ids, '00158\r\n\n# people of room 2\na.b\n00158\n');
  expect(held).toEqual(['00158.mp4.t0.s0', '00158.mp4.t0.s1', 'sub/00158.avi.t0.s0', 'x/a.b.mp4.t0.s0']);
  expect(rest).toEqual(['00159.mp4.t1.s0', '001580.mp4.t0.s0']);
  expect(dropped).toEqual([]);
});

test('an entry with its path stands for that video alone', () => {
  expect(splitByList(ids, ['sub/00158.avi']).held).toEqual(['sub/00158.avi.t0.s0']);
});

test('entries that name nothing are refused with their number, unless preparation dropped the video', () => {
  expect(() => splitByList(ids, ['00158', 'nobody', 'none'])).toThrow(
    'splitByList: list must be names of prepared videos, got 2 of 3 that name none (nobody, none)',
  );
  expect(splitByList(ids, ['00158', 'nobody'], { droppedSources: ['deep/nobody.mp4'] }).dropped).toEqual(['nobody']);
});
