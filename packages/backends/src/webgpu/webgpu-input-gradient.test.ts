import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test, vi } from 'vitest';
import { info, recordingBackend } from '../testing/webgpu';
import { webgpuInputGradient } from './webgpu-input-gradient';

afterEach(() => {
  if (tf.getKernel('Conv2D', 'webgpu')) tf.unregisterKernel('Conv2D', 'webgpu');
});

const attributes = (inputShape: number[], strides: [number, number] = [1, 1]) => ({
  inputShape,
  strides,
  pad: [
    [0, 0],
    [2, 0],
    [0, 1],
    [0, 0],
  ] as [number, number][] as never,
});

test('with stride 1 the rotated filter is convolved with the gradient, with opposite padding, and freed', () => {
  const backend = recordingBackend();
  const answer = info(8, 16, 16, 32);
  const convolve = vi.fn((_: unknown) => answer);
  tf.registerKernel({ kernelName: 'Conv2D', backendName: 'webgpu', kernelFunc: convolve as never });
  const dy = info(8, 16, 15, 64);
  const out = webgpuInputGradient(vi.fn())({
    inputs: { dy, filter: info(3, 3, 32, 64) },
    backend,
    attrs: attributes([8, 16, 16, 32]),
  });
  expect(out).toBe(answer);
  expect(convolve.mock.calls[0][0]).toMatchObject({
    inputs: { x: dy, filter: { shape: [3, 3, 64, 32] } },
    attrs: {
      strides: [1, 1],
      pad: [
        [0, 0],
        [0, 2],
        [2, 1],
        [0, 0],
      ],
    },
  });
  expect(backend.alive.size).toBe(0);
});

test('strides, small gradients and NCHW are left to the stock kernel', () => {
  const stock = vi.fn(() => info(1));
  const kernel = webgpuInputGradient(stock);
  const backend = recordingBackend();
  kernel({
    inputs: { dy: info(8, 8, 8, 64), filter: info(3, 3, 32, 64) },
    backend,
    attrs: attributes([8, 16, 16, 32], [2, 2]),
  });
  kernel({ inputs: { dy: info(1, 4, 3, 4), filter: info(3, 3, 4, 4) }, backend, attrs: attributes([1, 4, 4, 4]) });
  kernel({
    inputs: { dy: info(8, 16, 15, 64), filter: info(3, 3, 32, 64) },
    backend,
    attrs: { ...attributes([8, 32, 16, 16]), dataFormat: 'NCHW' },
  });
  expect(stock).toHaveBeenCalledTimes(3);
  expect(backend.calls).toHaveLength(0);
});
