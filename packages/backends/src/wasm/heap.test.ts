import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, startWasm, tensorCounts } from '../testing/wasm';
import { floats, guardAllocations, releaseView, reshaped, view, type WasmBackend } from './heap';

let backend: WasmBackend;
beforeAll(async () => {
  await startWasm();
  backend = tf.backend() as unknown as WasmBackend;
});

test('a view is a part of another tensor, without a copy', () => {
  const x = noiseTensor([3, 4], 1);
  const before = tensorCounts();
  const window = view(backend, x, 4, [2, 4]);
  expect([...floats(backend, window)]).toEqual([...x.dataSync().slice(4)]);
  floats(backend, window)[0] = 7;
  expect(x.dataSync()[4]).toBe(7);
  releaseView(backend, window);
  expect(tensorCounts()).toEqual(before);
  x.dispose();
});

test('reshaped keeps the data', () => {
  const x = noiseTensor([3, 4], 1);
  expect(reshaped(x, [2, 6])).toEqual({ dataId: x.dataId, shape: [2, 6], dtype: 'float32' });
  x.dispose();
});

test('running out of memory is an error with the requested size', () => {
  const malloc = backend.wasm._malloc;
  backend.wasm._malloc = () => 0;
  try {
    expect(() => backend.makeOutput([256, 1024], 'float32')).toThrow(
      /wasm backend: out of memory, no room for a tensor of shape \[256, 1024\] \(1\.0 MiB\)/,
    );
  } finally {
    backend.wasm._malloc = malloc;
  }
});

test('tensors keep their values under the guard, and an empty tensor is no error', () => {
  guardAllocations(backend); // a second time changes nothing
  expect([...tf.tidy(() => tf.tensor1d([1, 2, 3], 'int32').dataSync())]).toEqual([1, 2, 3]);
  expect([...tf.tidy(() => tf.tensor(new Float32Array(0), [0, 3]).dataSync())]).toEqual([]);
  expect(tf.tidy(() => tf.tensor1d(['a', 'b']).dataSync())).toEqual(['a', 'b']);
});
