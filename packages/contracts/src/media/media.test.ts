import { expect, test } from 'vitest';
import { assertVideoFrame } from './media';

test('assertVideoFrame refuses bytes that do not fit the size, and an empty frame', () => {
  const frame = { data: new Uint8Array(12), width: 2, height: 2, index: 0, timeSec: 0 };
  expect(() => assertVideoFrame('f', frame)).not.toThrow();
  expect(() => assertVideoFrame('f', { ...frame, height: 3 })).toThrow('2 x 3 x 3 bytes');
  expect(() => assertVideoFrame('f', { ...frame, width: 0, data: new Uint8Array(0) })).toThrow('not empty');
});
