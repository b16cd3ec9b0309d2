import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { describeConvolution, explicitPadding } from '../../testing/convolution-cases';
import { type NaiveConvolution, naiveForward, naiveGradients, outputSize } from '../../testing/naive-convolution';
import { noise, relativeError, startWasm, tensorCounts } from '../../testing/wasm';
import type { WasmBackend } from '../heap';
import { convolutionGeometry } from './conv2d-geometry';
import { winogradConvolution, winogradFilterGradient, winogradPays } from './winograd';

let backend: WasmBackend;
beforeAll(async () => {
  await startWasm();
  backend = tf.backend() as unknown as WasmBackend;
});

const PADDINGS: [number, number, number, number][] = [
  [1, 1, 1, 1],
  [0, 0, 0, 0],
  [0, 1, 0, 1],
  [2, 2, 2, 2],
  [0, 1, 2, 0],
];
const SIZES: NaiveConvolution[] = [
  ...PADDINGS.flatMap((padding) =>
    [
      [12, 9],
      [7, 14],
      [5, 4],
      [13, 13],
    ].map(([height, width]) => ({ batch: 4, height, width, inChannels: 8, outChannels: 16, padding })),
  ),
  { batch: 3, height: 10, width: 9, inChannels: 12, outChannels: 8, padding: PADDINGS[0] },
  { batch: 40, height: 3, width: 3, inChannels: 16, outChannels: 24, padding: PADDINGS[0] },
  { batch: 2, height: 17, width: 18, inChannels: 64, outChannels: 32, padding: PADDINGS[0] },
].map((sizes) => ({ ...sizes, kernel: [3, 3], strides: [1, 1] }) as NaiveConvolution);

function prepare(sizes: NaiveConvolution) {
  const { batch, height, width, inChannels, outChannels } = sizes;
  const [outHeight, outWidth] = outputSize(sizes);
  const filterShape = [3, 3, inChannels, outChannels];
  const attributes = { strides: 1, pad: explicitPadding(sizes) };
  const geometry = convolutionGeometry('test', [batch, height, width, inChannels], filterShape, attributes);
  const x = noise(batch * height * width * inChannels, 1);
  const w = noise(9 * inChannels * outChannels, 2);
  const dy = noise(batch * outHeight * outWidth * outChannels, 3);
  const tensors = {
    x: tf.tensor(x, [batch, height, width, inChannels]),
    w: tf.tensor(w, filterShape),
    dy: tf.tensor(dy, [batch, outHeight, outWidth, outChannels]),
    dw: tf.fill(filterShape, NaN),
  };
  return { geometry, x, w, dy, tensors };
}

test.each(
  SIZES.map(
    (sizes) => [`${sizes.inChannels} to ${sizes.outChannels} channels, ${describeConvolution(sizes)}`, sizes] as const,
  ),
)('Winograd’s form equals the definition, forward and for the filter: %s', (_, sizes) => {
  const { geometry, x, w, dy, tensors } = prepare(sizes);
  const before = tensorCounts();
  const y = winogradConvolution(backend, tensors.x, tensors.w, geometry);
  // Largest errors measured: 3.4e-7 forward, 6e-7 for the filter.
  expect(relativeError(backend.typedArrayFromHeap(y), naiveForward(sizes, x, w))).toBeLessThan(2e-6);
  backend.disposeData(y.dataId);
  winogradFilterGradient(backend, tensors.x, tensors.dy, tensors.dw, geometry);
  expect(relativeError(tensors.dw.dataSync(), naiveGradients(sizes, x, w, dy).dw)).toBeLessThan(2e-6); // measured 6e-7
  expect(tensorCounts()).toEqual(before);
  tf.dispose(tensors);
});

test('it is used for batches of 3x3 with stride 1 and whole vectors of channels only', () => {
  const pays = (shape: number[], filter: number[], strides = 1) =>
    winogradPays(backend, convolutionGeometry('test', shape, filter, { strides, pad: 'same' }));
  expect(pays([8, 12, 12, 32], [3, 3, 32, 64])).toBe(true);
  expect(pays([8, 12, 12, 32], [5, 5, 32, 64])).toBe(false);
  expect(pays([8, 12, 12, 32], [1, 1, 32, 64])).toBe(false);
  expect(pays([8, 12, 12, 32], [3, 3, 32, 64], 2)).toBe(false);
  expect(pays([8, 12, 12, 30], [3, 3, 30, 64])).toBe(false);
  expect(pays([8, 12, 12, 32], [3, 3, 32, 12])).toBe(false);
  expect(pays([1, 4, 4, 32], [3, 3, 32, 64])).toBe(false); // four tiles
  expect(pays([99, 1, 1, 32], [3, 3, 32, 64])).toBe(false); // three quarters of every tile wasted
});
