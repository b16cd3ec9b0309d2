import { expect, test } from 'vitest';
import { importPackage } from './import-package';

test('importPackage finds a package of the working folder', async () => {
  expect(await importPackage('vitest')).toBeDefined();
});

test('importPackage throws the error of a missing package', async () => {
  await expect(importPackage('@lipsync/no-such-package')).rejects.toThrow('no-such-package');
});
