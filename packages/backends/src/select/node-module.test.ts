import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeModule } from './node-module';

test('nodeModule imports a module of Node', async () => {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  expect(join('a', 'b')).toMatch(/^a.b$/);
});

test('no source imports a module of Node by a name that a bundler would follow', () => {
  const folder = new URL('..', import.meta.url);
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  const followed = sources.filter((name) =>
    /(from |await import\()'node:/.test(readFileSync(new URL(name, folder), 'utf8').replace(/import type .*/g, '')),
  );
  expect(followed).toEqual([]);
});
