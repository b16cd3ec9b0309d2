import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { startWasm } from '../../testing/wasm';
import type { WasmBackend } from '../heap';
import { prepareSimd, simdKernels } from './simd';
import { SOURCE_HASH } from './simd-binary';

beforeAll(startWasm);

test('the committed binary was made of the committed source (else run simd/build.mjs)', () => {
  const source = readFileSync(new URL('../../../simd/kernels.ts', import.meta.url));
  expect(createHash('sha256').update(source).digest('hex')).toBe(SOURCE_HASH);
});

test('the kernels are loaded once, on the backend’s memory', async () => {
  const backend = tf.backend() as unknown as WasmBackend;
  const kernels = simdKernels(backend);
  expect(Object.keys(kernels ?? {})).toEqual(
    expect.arrayContaining(['groupNorm', 'groupNormGradient', 'columnSums', 'filterGradient']),
  );
  await prepareSimd(backend);
  expect(simdKernels(backend)).toBe(kernels);
});

test('a backend that does not expose its memory has no kernels', () => {
  expect(simdKernels({ wasm: {} } as WasmBackend)).toBeNull();
});
