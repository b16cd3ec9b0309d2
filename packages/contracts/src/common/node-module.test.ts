import { expect, test } from 'vitest';
import { followedNodeImports } from '../testing/node-imports';
import { nodeModule } from './node-module';

test('nodeModule imports a module of Node', async () => {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  expect(join('a', 'b')).toMatch(/^a.b$/);
});

test('no source imports a module of Node in a way that bundlers for browsers follow', () => {
  expect(followedNodeImports(new URL('..', import.meta.url))).toEqual([]);
});
