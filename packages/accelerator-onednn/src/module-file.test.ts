import { afterEach, expect, test } from 'vitest';
import { moduleFile, sourceFiles } from './module-file';

const folder = process.env.LIPSYNC_ACCELERATOR_DIR;

afterEach(() => {
  if (folder === undefined) delete process.env.LIPSYNC_ACCELERATOR_DIR;
  else process.env.LIPSYNC_ACCELERATOR_DIR = folder;
});

test('the module’s name contains system, architecture and source, and its folder can be chosen', () => {
  process.env.LIPSYNC_ACCELERATOR_DIR = '/somewhere';
  expect(moduleFile()).toMatch(
    new RegExp(`^/somewhere/onednn-${process.platform}-${process.arch}-[0-9a-f]{12}\\.node$`),
  );
  delete process.env.LIPSYNC_ACCELERATOR_DIR;
  expect(moduleFile()).toMatch(/build[/\\]onednn-/);
});

test('the source is C++ units and headers', () => {
  const { units, headers } = sourceFiles();
  expect(units.length).toBeGreaterThan(3);
  expect(units.every((name) => name.endsWith('.cc'))).toBe(true);
  expect(headers.every((name) => name.endsWith('.h'))).toBe(true);
});
