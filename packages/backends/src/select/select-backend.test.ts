import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test, vi } from 'vitest';
import { isSoftwareAdapter } from '../webgpu/start-webgpu';
import { BACKEND_NAMES, selectBackend } from './select-backend';

afterEach(() => void vi.restoreAllMocks());

test('auto selects threaded wasm here, and logs it in a short line, the reasons on demand', async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const { name, threads, reason } = await selectBackend({ threads: 2, log });
  expect([name, threads]).toEqual(['wasm-threaded', 2]);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^Selected backend wasm-threaded with 2 threads(| and the accelerator \(oneDNN [\d.]+\))$/);
  await selectBackend({ threads: 2, log, verbose: true });
  expect(lines[1]).toBe(lines[0]);
  expect(lines[2]).toMatch(
    /^Not available: tfjs-node-gpu \(.*\); tfjs-node \(.*\); webgpu \(.*\)(; the accelerator \(.*\))?\.$/,
  );
  expect(lines[2]).toContain('npm install @tensorflow/tfjs-node');
  expect(reason).toBe(`${lines[0]}, the first that works here. ${lines[2]}`);
  expect(tf.getBackend()).toBe('wasm');
});

test('wasm that already runs is used as it is', async () => {
  const { name, threads } = await selectBackend({ backend: 'wasm-threaded', threads: 3 });
  expect([name, threads]).toEqual(['wasm-threaded', 2]);
});

test('cpu is selected by name', async () => {
  const { name, threads, reason } = await selectBackend({ backend: 'cpu' });
  expect([name, threads, reason, tf.getBackend()]).toEqual(['cpu', 1, 'Selected backend cpu, as requested.', 'cpu']);
});

test.each([
  [
    'tfjs-node',
    'got tfjs-node (tfjs-node: the package @tensorflow/tfjs-node is not installed (npm install @tensorflow/tfjs-node)',
  ],
  ['tfjs-node-gpu', 'the package @tensorflow/tfjs-node-gpu is not installed (npm install @tensorflow/tfjs-node-gpu)'],
  ['webgpu', 'the package webgpu is not installed (npm install webgpu)'],
  ['webgl', 'got webgl (webgl: it runs in browsers only)'],
] as const)(
  '%s, requested where it does not work, is an error that names what is missing',
  async (backend, message) => {
    const before = tf.getBackend();
    await expect(selectBackend({ backend })).rejects.toThrow(message);
    expect(tf.getBackend()).toBe(before);
  },
);

test('wasm-threaded with one thread is refused', async () => {
  await expect(selectBackend({ backend: 'wasm-threaded', threads: 1 })).rejects.toThrow(
    'wasm-threaded: one thread was requested',
  );
});

test('selectBackend refuses unknown names and invalid numbers of threads', async () => {
  await expect(selectBackend({ backend: 'cuda' as never })).rejects.toThrow(
    `selectBackend: backend must be auto or one of ${BACKEND_NAMES.join(', ')}, got cuda`,
  );
  await expect(selectBackend({ threads: 0 })).rejects.toThrow(
    'selectBackend: threads must be a whole number from 1 to 8, got 0',
  );
  await expect(selectBackend({ threads: 1.5 })).rejects.toThrow('got 1.5');
});

test('isSoftwareAdapter recognises software adapters', () => {
  expect(isSoftwareAdapter({ info: { vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H200' } })).toBe(
    false,
  );
  expect(isSoftwareAdapter({ info: { vendor: 'google', architecture: 'swiftshader' } })).toBe(true);
  expect(isSoftwareAdapter({ info: { description: 'llvmpipe (LLVM 15.0.6, 256 bits)' } })).toBe(true);
  expect(isSoftwareAdapter({ isFallbackAdapter: true })).toBe(true);
});

test('backends in packages of their own are optional peers, and none is installed', () => {
  const { dependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  expect(Object.keys(dependencies)).toEqual(['@lipsync/contracts', '@lipsync/nn', '@tensorflow/tfjs-backend-wasm']);
  expect(Object.keys(peerDependenciesMeta)).toContain('@lipsync/accelerator-onednn');
  expect(Object.values(peerDependenciesMeta)).toEqual(Array.from({ length: 7 }, () => ({ optional: true })));
});
