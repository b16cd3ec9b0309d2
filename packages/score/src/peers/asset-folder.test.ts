import { expect, test } from 'vitest';
import { assetFolder } from './asset-folder';

test('assetFolder ends in a slash, whether it is given with one or not', () => {
  for (const given of ['https://example.org/a', 'https://example.org/a/', new URL('https://example.org/a')])
    expect(assetFolder(given)?.href).toBe('https://example.org/a/');
  expect(assetFolder(undefined)).toBeUndefined();
});
