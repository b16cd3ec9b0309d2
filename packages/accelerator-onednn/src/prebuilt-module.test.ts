import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { moduleFile } from './module-file';
import { prebuiltModule, prebuiltPackage } from './prebuilt-module';

let app: string;
let folder: string;

beforeEach(() => {
  app = realpathSync(mkdtempSync(join(tmpdir(), 'lipsync-prebuilt-')));
  folder = join(app, 'node_modules', prebuiltPackage());
});

afterEach(() => rmSync(app, { recursive: true }));

test('the package for this platform gives its module', () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{}');
  const file = join(folder, basename(moduleFile()));
  writeFileSync(file, '');
  expect(prebuiltModule(join(app, 'app.js'))).toEqual({ file });
});

test('a package that is not installed is named', () => {
  expect(prebuiltModule(join(app, 'app.js'))).toEqual({
    missing: `@lipsync/accelerator-onednn-${process.platform}-${process.arch} is not installed`,
  });
});

test('a module of other source is not taken', () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, `onednn-${process.platform}-${process.arch}-0123456789ab.node`), '');
  expect(prebuiltModule(join(app, 'app.js'))).toEqual({
    missing: `${prebuiltPackage()} in ${folder} is of another version than @lipsync/accelerator-onednn`,
  });
});
