import type { NativeKernels } from '@lipsync/accelerator-onednn';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { expect, test, vi } from 'vitest';
import type { WasmBackend } from '../heap';
import { useNative } from '../native';
import { convolutionGeometry } from './conv2d-geometry';
import { nativeConvolution } from './native-convolution';

const tensor = (memoryOffset: number) => ({ dataId: { memoryOffset } }) as unknown as TensorInfo;
const backend = () =>
  ({ wasm: { HEAPU8: new Uint8Array(64) }, dataIdMap: { get: (dataId: object) => dataId } }) as unknown as WasmBackend;
const tensors = { x: tensor(8), filter: tensor(16), y: tensor(24) };
const geometry = convolutionGeometry('test', [2, 8, 9, 3], [3, 3, 3, 5], {
  strides: [2, 4],
  pad: [
    [0, 0],
    [0, 1],
    [1, 0],
    [0, 0],
  ] as never,
});

test('nativeConvolution does nothing without an accelerator, and for empty tensors', () => {
  expect(nativeConvolution(backend(), 'forward', tensors, geometry)).toBe(false);
  const accelerated = backend();
  useNative(accelerated, { convolution: vi.fn() } as unknown as NativeKernels);
  expect(nativeConvolution(accelerated, 'forward', tensors, { ...geometry, batch: 0 })).toBe(false);
  expect(nativeConvolution(accelerated, 'forward', tensors, { ...geometry, filterHeight: 1, filterWidth: 1 })).toBe(
    false,
  );
});

test.each([
  ['forward', 0],
  ['by input', 1],
  ['by filter', 2],
] as const)('%s hands on sizes, the far padding that they leave, and addresses', (direction, number) => {
  const convolution = vi.fn();
  const accelerated = backend();
  useNative(accelerated, { convolution } as unknown as NativeKernels);
  expect(nativeConvolution(accelerated, direction, tensors, geometry)).toBe(true);
  const [first, , ...rest] = convolution.mock.calls[0];
  // 4 rows reach 1 beyond the frame, 2 columns end 3 pixels before its right edge: (2 - 1) * 4 + 3 - 9 - 1 = -3.
  expect([first, ...rest]).toEqual([number, 2, 8, 9, 3, 4, 2, 5, 3, 3, 2, 4, 0, 1, 1, -3, 8, 16, 24, 0]);
});
