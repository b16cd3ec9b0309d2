import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, startWasm, tensorCounts } from '../testing/wasm';
import { floats, releaseView, reshaped, view, type WasmBackend } from './heap';

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
