import { fileURLToPath } from 'node:url';
import { encodeSafetensors } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, expect, test } from 'vitest';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import { REFERENCE_GENERATOR, type ReferenceGeneratorConfig } from '../network/config';
import { ReferenceGenerator } from '../network/generator';
import { loadReferenceGenerator, saveReferenceGenerator } from './weights';

const TINY: ReferenceGeneratorConfig = {
  ...REFERENCE_GENERATOR,
  width: 1,
  size: 64,
  attention: 'as-printed',
  largestSkip: 8,
};
/** The config of the file of reference/reference-generator.py, without what leaves no trace in the shapes. */
const SAVED = { coordinates: false, audioSkips: false, maskHead: false, largestSkip: 24, width: 1, size: 96 };

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('a generator that is saved loads with the same config, weights and running statistics', async () => {
  const net = new ReferenceGenerator(TINY, { seed: 5 });
  net.crop = { kind: 'face box', size: 64, rows: 'all' };
  const bytes = await saveReferenceGenerator(net, { note: 'trained on drawn faces' });
  const loaded = await loadReferenceGenerator(bytes);
  expect(loaded.config).toEqual(TINY);
  expect(loaded.crop).toEqual(net.crop);
  expect(loaded.training).toBe(false);
  expect(loaded.weightsHash).toMatch(/^[0-9a-f]{64}$/);
  expect(await loaded.stateDict()).toEqual(await net.stateDict());
  net.dispose();
  loaded.dispose();
});

test('a file of torch.save loads by name, its parts read from the shapes', async () => {
  const path = fileURLToPath(new URL('../../fixtures/saved.pth', import.meta.url));
  const net = await loadReferenceGenerator(path);
  expect(net.config).toEqual({ ...REFERENCE_GENERATOR, ...SAVED });
  const largest = Math.max(...[...(await net.stateDict()).values()].map(({ data }) => data.length));
  const storage = formulaNumbers('storage', largest, 0.1, 0.9);
  for (const [key, { data }] of await net.stateDict()) {
    if (key.endsWith('batches_tracked')) expect(data).toEqual(BigInt64Array.of(5n));
    else expect(data).toEqual(storage.slice(0, data.length));
  }
  net.dispose();
});

test.each([
  { largestSkip: 64 },
  { largestSkip: 0, audioSkips: false },
  { largestSkip: 2, coordinates: false, maskHead: false },
])('parts are read from the shapes: $largestSkip', async (change) => {
  const config = { ...TINY, attention: 'scaled' as const, ...change };
  const net = new ReferenceGenerator(config, { seed: 0 });
  const loaded = await loadReferenceGenerator(encodeSafetensors(await net.stateDict()));
  expect(loaded.config).toEqual(config);
  net.dispose();
  loaded.dispose();
});

test('loadReferenceGenerator refuses other networks, other configs and metadata that is no JSON', async () => {
  const net = new ReferenceGenerator(TINY, { seed: 5 });
  const bytes = await saveReferenceGenerator(net);
  await expect(loadReferenceGenerator(bytes, { config: { ...TINY, residual: false } })).rejects.toThrow(
    "loadReferenceGenerator: options.config must be the file's, got another residual",
  );
  const state = await net.stateDict();
  await expect(loadReferenceGenerator(encodeSafetensors(state, { reference_generator: '{' }))).rejects.toThrow(
    "the file's reference_generator metadata must be JSON",
  );
  const other = new Map([['a', { dtype: 'float32' as const, shape: [1], data: Float32Array.of(1) }]]);
  await expect(loadReferenceGenerator(encodeSafetensors(other))).rejects.toThrow(
    'the file must be one with the parameters of a reference-attention generator, got 1 names, a',
  );
  state.delete('decoder.image_head.1.bias');
  await expect(loadReferenceGenerator(encodeSafetensors(state), { config: TINY })).rejects.toThrow(
    '1 missing: decoder.image_head.1.bias',
  );
  net.dispose();
});
