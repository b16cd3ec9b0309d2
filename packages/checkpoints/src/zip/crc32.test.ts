import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { crc32, crc32ByTable } from './crc32';

test.each([crc32, crc32ByTable])('$name gives the check value of the standard, and 0 of nothing', (checksum) => {
  expect(checksum(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  expect(checksum(new Uint8Array(0))).toBe(0);
});

test('crc32ByTable agrees with zlib at every length and place', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => (i * 7919 + 13) % 256);
  for (let length = 0; length < 90; length++) {
    const part = bytes.subarray(length % 9, (length % 9) + length);
    expect(crc32ByTable(part)).toBe(gzipSync(part).readUInt32LE(gzipSync(part).length - 8));
  }
});
