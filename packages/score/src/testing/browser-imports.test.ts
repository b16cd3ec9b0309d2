import { expect, test } from 'vitest';
import { browserImports } from './browser-imports';

test('packages that run in browsers load without a module of Node', async () => {
  const names = ['score', 'sync-windows', 'metrics', 'checkpoints', 'avalignnet', 'syncnet', 'face-crop'];
  const imports = await browserImports(names);
  expect(imports.static).toEqual(['@tensorflow/tfjs-core']);
  // Optional packages are imported where they are used; what needs Node, by names that bundlers do not follow.
  expect(imports.dynamic).toEqual(expect.arrayContaining(['@lipsync/media', '@lipsync/backends']));
  expect(imports.dynamic.filter((name) => /^node:|tinypool/.test(name))).toEqual([]);
});
