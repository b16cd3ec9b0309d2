import { expect, test } from 'vitest';
import { optionalPackage } from './optional-package';

test('optionalPackage imports an installed package', async () => {
  expect(await optionalPackage('node:path')).toHaveProperty('join');
});

test('optionalPackage names the command to install a missing package', async () => {
  await expect(optionalPackage('@lipsync/no-such-package')).rejects.toThrow(
    'the package @lipsync/no-such-package is not installed (npm install @lipsync/no-such-package)',
  );
});

test('optionalPackage gives the reason why a package does not load', async () => {
  const broken = 'data:text/javascript,throw new Error("libtensorflow.so.2 is missing")';
  await expect(optionalPackage(broken)).rejects.toThrow('did not load: libtensorflow.so.2 is missing');
});
