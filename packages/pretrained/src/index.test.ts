import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { version } from '../package.json';
import { EXPERT_FILES, EXPERT_SHA256, PRETRAINED_VERSION } from './index';

test.each(Object.entries(EXPERT_FILES))('the file %s has the size and the hash that are exported', (_, file) => {
  const bytes = readFileSync(file.url);
  expect(bytes.length).toBe(file.bytes);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256);
});

test('the weights have the hash that is exported, and at most 9 MB', () => {
  expect(EXPERT_FILES.safetensors.sha256).toBe(EXPERT_SHA256);
  expect(EXPERT_FILES.safetensors.bytes).toBeLessThan(9e6);
  expect(Object.values(EXPERT_FILES).reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(30e6);
});

test('the weights are float16, and say how their input is prepared and how they were trained', () => {
  const bytes = readFileSync(EXPERT_FILES.safetensors.url);
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata, ...tensors } = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { dtype: string }
  > & { __metadata__: Record<string, string> };
  expect(new Set(Object.values(tensors).map(({ dtype }) => dtype))).toEqual(new Set(['F16']));
  expect(JSON.parse(metadata.recipe)).toMatchObject({
    frameCount: expect.any(Number),
    fps: 25,
    crop: expect.any(Object),
    features: expect.any(String),
  });
  expect(JSON.parse(metadata.config)).toHaveProperty('visual_encoder');
  expect(metadata.training).toMatch(/\S/);
});

test('the version is that of the package', () => {
  expect(PRETRAINED_VERSION).toBe(version);
});
