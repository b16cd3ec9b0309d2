import { expect, test } from 'vitest';
import { readImage, readPair } from './image';

const bytes = { data: Uint8Array.of(0, 51, 255, 254, 3, 4), height: 1, width: 2 };

test('readImage gives values from 0 for black to the span for white', () => {
  expect(readImage('f', 'x', bytes, { range: [0, 255] })).toEqual({
    data: Float64Array.of(0, 51, 255, 254, 3, 4),
    height: 1,
    width: 2,
    channels: 3,
    span: 255,
  });
  const floats = { data: Float32Array.of(-1, 1), height: 2, width: 1 };
  expect(readImage('f', 'x', floats, { range: [-1, 1] })).toMatchObject({
    data: Float64Array.of(0, 2),
    channels: 1,
    span: 2,
  });
});

test('readImage rounds to levels or to those below, and levels stored as float32 stay what they are', () => {
  const levels = Float32Array.from({ length: 256 }, (_, level) => (level / 255) * 2 - 1);
  const wanted = Float64Array.from({ length: 256 }, (_, level) => level);
  for (const quantise of ['round', 'truncate'] as const) {
    expect(readImage('f', 'x', { data: levels, height: 16, width: 16 }, { range: [-1, 1], quantise })).toMatchObject({
      data: wanted,
      span: 255,
    });
  }
  const between = { data: Float64Array.of(1.5, 1.49, 1.51, 1.99), height: 2, width: 2 };
  const values = (quantise: 'round' | 'truncate') => [
    ...readImage('f', 'x', between, { range: [0, 255], quantise }).data,
  ];
  expect(values('round')).toEqual([2, 1, 2, 2]);
  expect(values('truncate')).toEqual([1, 1, 1, 1]);
});

test('readImage takes what rounding pushed over the edge and nothing more', () => {
  const at = (value: number) => () =>
    readImage('f', 'x', { data: Float64Array.of(value), height: 1, width: 1 }, { range: [0, 1] });
  expect(at(1 + 1e-7)).not.toThrow();
  expect(at(1.001)).toThrow(new RangeError('f: x.data must be within range (0..1), got 1.001 at index 0'));
  expect(at(NaN)).toThrow('got NaN at index 0');
});

test('readImage refuses sizes, channels and arrays that do not fit', () => {
  const options = { range: [0, 255] } as const;
  expect(() => readImage('f', 'x', { ...bytes, height: 0 }, options)).toThrow(
    'f: x must be of a whole height and width above 0, got [0, 2]',
  );
  const rgba = { data: new Uint8Array(8), height: 1, width: 2 };
  const rule = 'a typed array of 1 x 2 numbers (gray) or 3 times as many (RGB)';
  expect(() => readImage('f', 'x', rgba, options)).toThrow(`f: x.data must be ${rule}, got 8`);
  expect(() => readImage('f', 'x', bytes, { range: [0, NaN] })).toThrow('f: range must be [black, white]');
  const upward = { ...options, quantise: 'up' as 'round' };
  expect(() => readImage('f', 'x', bytes, upward)).toThrow('f: quantise must be none, round or truncate, got up');
});

test('readPair refuses images of different size', () => {
  expect(() => readPair('f', bytes, { ...bytes, height: 2, width: 1 }, { range: [0, 255] })).toThrow(
    'f: generated must be of the size of real, 1 x 2 (6 numbers), got 2 x 1 (6 numbers)',
  );
});
