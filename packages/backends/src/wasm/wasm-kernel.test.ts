import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { startWasm } from '../testing/wasm';
import type { WasmBackend } from './heap';
import { registerWasmKernel, stockKernel } from './wasm-kernel';

beforeAll(startWasm);

test('a registered kernel replaces the stock one, which stockKernel still gives', () => {
  const backend = tf.backend() as unknown as WasmBackend;
  const stockNeg = stockKernel('Neg');
  registerWasmKernel({
    name: 'Neg',
    run: ({ inputs }: { inputs: { x: tf.TensorInfo } }) => stockNeg(backend, { x: stockNeg(backend, inputs, {}) }, {}),
  });
  expect(tf.tidy(() => tf.neg(3).dataSync()[0])).toBe(3);
});

test('stockKernel refuses a kernel that does not exist, by its name', () => {
  const backend = tf.backend() as unknown as WasmBackend;
  expect(() => stockKernel('NoSuchKernel')(backend, {}, {})).toThrow(
    'stockKernel: name must be a kernel of tfjs-backend-wasm 4.22.0, got NoSuchKernel',
  );
});
