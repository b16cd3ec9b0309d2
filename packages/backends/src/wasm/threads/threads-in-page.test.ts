import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { closedFactory, startThreadsInPage } from './threads-in-page';

/** As minifiers write it: `e` was `_scriptDir`, `typeof` is gone; `n` is declared inside. */
const MINIFIED =
  'var WasmBackendModuleThreadedSimd = function(t){var n={dir:1};return e!==void 0&&e&&(n.dir=e),t.done=n.dir+new URL("x:y").href,t}';
const CALL = ';WasmBackendModuleThreadedSimd({}).done';

test('closedFactory declares what the factory reads of the scope where it stood, and hides no global', () => {
  expect(() => runInNewContext(MINIFIED + CALL, { URL })).toThrow('e is not defined');
  expect(runInNewContext(closedFactory(MINIFIED) + CALL, { URL })).toBe('1x:y');
  const plain = 'var WasmBackendModuleThreadedSimd = function(module){return self}';
  expect(closedFactory(plain)).toBe(plain);
});

test('startThreadsInPage closes the factory that tfjs makes a Blob of, leaves others alone, and puts Blob back', async () => {
  const { Blob } = globalThis;
  const texts: string[] = [];
  await startThreadsInPage(async () => {
    for (const parts of [[MINIFIED], ['e'], [MINIFIED, 'e']])
      texts.push(await new globalThis.Blob(parts, { type: 'text/javascript' }).text());
  });
  expect(texts).toEqual([closedFactory(MINIFIED), 'e', `${MINIFIED}e`]);
  await expect(startThreadsInPage(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(globalThis.Blob).toBe(Blob);
});
