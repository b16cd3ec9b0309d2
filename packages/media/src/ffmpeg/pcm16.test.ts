import { expect, test } from 'vitest';
import { fromPcm16, NATIVE_PCM16 } from './pcm16';

test('NATIVE_PCM16 is the order in which this machine reads two bytes', () => {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setInt16(0, 258, NATIVE_PCM16 === 's16le');
  expect(new Int16Array(bytes.buffer)[0]).toBe(258);
});

test('fromPcm16 puts the lowest sample at -1', () => {
  expect([-32768, 0, 16384, 32767].map(fromPcm16)).toEqual([-1, 0, 0.5, 32767 / 32768]);
});
