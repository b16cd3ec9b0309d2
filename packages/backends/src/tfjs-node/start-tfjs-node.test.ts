import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test, vi } from 'vitest';
import { optionalPackage } from '../select/optional-package';
import { startTfjsNode } from './start-tfjs-node';

vi.mock('../select/optional-package');
afterEach(() => {
  if ('tensorflow' in tf.engine().registryFactory) tf.removeBackend('tensorflow');
});

/** tfjs-node as far as it is asked: importing it registers a backend. */
function install(isUsingGpuDevice: boolean): void {
  vi.mocked(optionalPackage).mockImplementation(async () => {
    tf.registerBackend('tensorflow', () => ({ isUsingGpuDevice, dispose() {} }) as never);
    return {};
  });
}

test('tfjs-node is imported and set, with what it misses in newer Node', async () => {
  install(false);
  await startTfjsNode({ gpu: false });
  expect(vi.mocked(optionalPackage)).toHaveBeenLastCalledWith('@tensorflow/tfjs-node');
  expect(tf.getBackend()).toBe('tensorflow');
  const { default: util } = (await import('node:util')) as unknown as {
    default: { isNullOrUndefined(value: unknown): boolean };
  };
  expect([null, undefined, 0].map((value) => util.isNullOrUndefined(value))).toEqual([true, true, false]);
});

test('tfjs-node-gpu without a CUDA device is refused', async () => {
  install(false);
  await expect(startTfjsNode({ gpu: true })).rejects.toThrow('it found no CUDA device');
  expect(vi.mocked(optionalPackage)).toHaveBeenLastCalledWith('@tensorflow/tfjs-node-gpu');
});

test('tfjs-node-gpu with a CUDA device is taken', async () => {
  install(true);
  await startTfjsNode({ gpu: true });
  expect(tf.getBackend()).toBe('tensorflow');
});
