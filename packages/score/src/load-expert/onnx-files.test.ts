import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findOnnxFiles, onnxStem } from './onnx-files';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lipsync-onnx-files-'));
  for (const name of [
    'earlier.vision.onnx',
    'earlier.audio.onnx',
    'two.visual.onnx',
    'two.audio.onnx',
    'three.visual.onnx',
    'three.audio.onnx',
    'three.pair.onnx',
    'one.audio.onnx',
    'earlier.vision.onnx',
    'earlier.audio.onnx',
  ]) {
    await writeFile(join(folder, name), '');
  }
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  'a/expert',
  'a/expert.onnx',
  'a/expert.visual.onnx',
  'a/expert.visual.onnx',
  'a/expert.vision.onnx',
  'a/expert.audio.onnx',
  'a/expert.pair.onnx',
])('onnxStem(%s) is a/expert', (path) => {
  expect(onnxStem(path)).toBe('a/expert');
});

test('findOnnxFiles finds all files by any of their names', async () => {
  const two = { visual: join(folder, 'two.visual.onnx'), audio: join(folder, 'two.audio.onnx') };
  expect(await findOnnxFiles(join(folder, 'two.onnx'))).toEqual(two);
  expect(await findOnnxFiles(two.audio)).toEqual(two);
  expect((await findOnnxFiles(join(folder, 'earlier.onnx'))).visual).toBe(join(folder, 'earlier.vision.onnx'));
  expect(Object.keys(await findOnnxFiles(join(folder, 'three.onnx')))).toEqual(['visual', 'audio', 'pair']);
});

test('findOnnxFiles finds pairs that were exported under the earlier name', async () => {
  const earlier = { visual: join(folder, 'earlier.vision.onnx'), audio: join(folder, 'earlier.audio.onnx') };
  expect(await findOnnxFiles(join(folder, 'earlier.onnx'))).toEqual(earlier);
  expect(await findOnnxFiles(earlier.visual)).toEqual(earlier);
});

test('findOnnxFiles names what is missing', async () => {
  await expect(findOnnxFiles(join(folder, 'one.onnx'))).rejects.toThrow(
    /loadExpert: source must be an exported pair, .*one.visual.onnx and .* \(visual is missing\)/,
  );
});
