import { expect, test } from 'vitest';
import { convolutionGeometry } from './conv2d-geometry';

test('convolutionGeometry reads sizes, strides and padding of a convolution', () => {
  const attributes = {
    strides: [2, 1] as [number, number],
    pad: [
      [0, 0],
      [0, 1],
      [1, 1],
      [0, 0],
    ] as never,
  };
  expect(convolutionGeometry('test', [2, 8, 9, 3], [3, 3, 3, 5], attributes)).toEqual({
    batch: 2,
    inHeight: 8,
    inWidth: 9,
    inChannels: 3,
    outHeight: 4,
    outWidth: 9,
    outChannels: 5,
    filterHeight: 3,
    filterWidth: 3,
    strideHeight: 2,
    strideWidth: 1,
    top: 0,
    left: 1,
  });
});

test('convolutionGeometry refuses NCHW and names the kernel', () => {
  const attributes = { strides: 1, pad: 'same' as const, dataFormat: 'NCHW' as const };
  expect(() => convolutionGeometry('Conv2DBackpropInput', [1, 3, 4, 4], [3, 3, 3, 5], attributes)).toThrow(
    'Conv2DBackpropInput: dataFormat must be NHWC on the wasm backend, got NCHW',
  );
});
