import { expect, test } from 'vitest';
import { followedNodeImports } from '../../../contracts/src/testing/node-imports';

test('no source imports a module of Node in a way that bundlers for browsers follow', () => {
  expect(followedNodeImports(new URL('..', import.meta.url))).toEqual([]);
});
