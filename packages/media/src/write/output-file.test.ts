import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/clips';
import { assertFolder, containerArguments, outputFile } from './output-file';

const folder = temporaryFolder();

test('outputFile writes beside the final path and replaces an existing file only on commit', async () => {
  const path = join(folder, 'a.mp4');
  writeFileSync(path, 'old');
  const output = outputFile('here', path);
  expect(dirname(output.temporary)).toBe(folder);
  expect(outputFile('here', path).temporary).not.toBe(output.temporary);
  writeFileSync(output.temporary, 'new');
  expect(readFileSync(path, 'utf8')).toBe('old');
  await output.commit();
  expect(readFileSync(path, 'utf8')).toBe('new');
  await output.discard(); // nothing left to discard
  expect(existsSync(path)).toBe(true);
});

test('outputFile knows the container by the ending and refuses others', () => {
  expect(outputFile('here', 'x.MKV').muxer).toBe('matroska');
  expect(containerArguments(outputFile('here', 'x.mov'))).toContain('mov');
  expect(() => outputFile('here', 'x.webm')).toThrow('here: path must end in .mp4, .m4v, .mov, .mkv, got x.webm');
  expect(() => outputFile('here', '')).toThrow(TypeError);
});

test('assertFolder refuses a place that is not there', async () => {
  await expect(assertFolder('here', join(folder, 'no', 'a.mp4'))).rejects.toThrow(
    'here: path must be in a folder that exists',
  );
  await expect(assertFolder('here', join(folder, 'a.mp4'))).resolves.toBeUndefined();
});
