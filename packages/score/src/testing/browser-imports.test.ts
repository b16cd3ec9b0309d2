import { expect, test } from 'vitest';
import { browserImports } from './browser-imports';

test('packages that run in browsers load without a module of Node', async () => {
  const names = ['score', 'sync-windows', 'metrics', 'checkpoints', 'avalignnet', 'syncnet', 'face-crop'];
  const imports = await browserImports(names);
  expect(imports.static).toEqual(['@tensorflow/tfjs-core']);
  // What needs Node, or an optional package, is imported where it is used.
  expect(imports.dynamic).toEqual(expect.arrayContaining(['node:fs/promises', '@lipsync/media', '@lipsync/backends']));
});
