import { expect, test } from 'vitest';
import { sha256Hex } from './sha256-hex';

test('sha256Hex gives the digests of the standard (FIPS 180-4)', async () => {
  expect(await sha256Hex(new TextEncoder().encode('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
  expect(await sha256Hex(new Uint8Array())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('sha256Hex hashes the view, not the buffer below it', async () => {
  const bytes = new TextEncoder().encode('xabcx').subarray(1, 4);
  expect(await sha256Hex(bytes)).toMatch(/^ba7816bf/);
});
