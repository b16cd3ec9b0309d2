import { expect, test } from 'vitest';
import { placesOf } from './face-place';

const face = (x: number, y = 100, [fromSec, toSec] = [0, 5]) => ({
  box: { left: x - 20, top: y - 30, right: x + 20, bottom: y + 30 },
  fromSec,
  toSec,
});

test.each([
  ['one', [face(50)], [null]],
  ['two beside each other', [face(200), face(50, 120)], ['right face', 'left face']],
  ['two, one above the other', [face(50, 300), face(90, 80)], ['lower face', 'upper face']],
  ['three', [face(100), face(300), face(200)], ['left face', 'right face', 'middle face']],
  [
    'four',
    [10, 40, 30, 20].map((x) => face(10 * x)),
    ['first', 'fourth', 'third', 'second'].map((nth) => `${nth} face from the left`),
  ],
  [
    'one after the other',
    [face(50, 100, [0, 3.2]), face(60, 100, [3.2, 5])],
    ['face from 0.0 to 3.2 s', 'face from 3.2 to 5.0 s'],
  ],
  [
    'the left one in two pieces',
    [face(50, 100, [0, 2]), face(200), face(50, 100, [3, 5])],
    ['left face from 0.0 to 2.0 s', 'right face', 'left face from 3.0 to 5.0 s'],
  ],
  ['one without landmarks', [face(50), { ...face(200), box: null }], ['face from 0.0 to 5.0 s', null]],
])('placesOf names %s', (_, faces, wanted) => {
  expect(placesOf(faces)).toEqual(wanted);
});
