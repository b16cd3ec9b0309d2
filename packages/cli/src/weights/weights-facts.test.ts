import { EXPERT_SHA256, PRETRAINED_VERSION } from '@lipsync/pretrained';
import { expect, test } from 'vitest';
import { describeWeightsFacts, weightsFacts } from './weights-facts';

test('weightsFacts knows the weights of @lipsync/pretrained by their hash, under whatever path', () => {
  for (const given of ['pretrained', 'node_modules/@lipsync/pretrained/data/expert.safetensors']) {
    const facts = weightsFacts(given, EXPERT_SHA256);
    expect(facts).toEqual({ name: '@lipsync/pretrained', version: PRETRAINED_VERSION, sha256: EXPERT_SHA256 });
    expect(describeWeightsFacts(facts)).toBe(
      `weights of @lipsync/pretrained ${PRETRAINED_VERSION} (${EXPERT_SHA256.slice(0, 12)})`,
    );
  }
});

test('weightsFacts names other weights as they were given', () => {
  const sha256 = 'ab'.repeat(32);
  expect(weightsFacts('syncnet-v2', sha256)).toEqual({ name: 'syncnet-v2', sha256 });
  expect(describeWeightsFacts({ name: 'syncnet-v2', sha256 })).toBe('weights of syncnet-v2 (abababababab)');
  expect(weightsFacts('own.onnx', undefined)).toEqual({ name: 'own.onnx' });
  expect(describeWeightsFacts({ name: 'own.onnx' })).toBe('weights of own.onnx');
});
