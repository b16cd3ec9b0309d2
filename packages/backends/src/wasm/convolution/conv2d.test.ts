import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { describeConvolution, explicitPadding } from '../../testing/convolution-cases';
import { type NaiveConvolution, naiveForward, naiveGradients, outputSize } from '../../testing/naive-convolution';
import { noise, noiseTensor, onBoth, relativeError, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

test.each([
  [[4, 9, 8, 8], [3, 3, 8, 16], 1, 'same', 1],
  [[4, 9, 8, 8], [3, 3, 8, 16], 1, 'valid', 1],
  [[4, 9, 8, 8], [3, 3, 8, 16], 1, 'valid', 2],
  [[4, 9, 8, 8], [3, 3, 8, 16], 2, 'same', 1],
  [[4, 9, 8, 3], [3, 3, 3, 16], 1, 'same', 1],
  [[4, 9, 8, 8], [1, 1, 8, 16], 1, 'same', 1],
  [[1, 9, 8, 8], [5, 5, 8, 4], 1, 'same', 1],
] as const)(
  'conv2d of %j by %j, stride %d, %s, dilation %d equals the cpu backend’s',
  async (shape, filter, stride, pad, dilation) => {
    const { cpu, wasm } = await onBoth(() => [
      tf.conv2d(
        noiseTensor<tf.Rank.R4>([...shape], 1),
        noiseTensor<tf.Rank.R4>([...filter], 2),
        stride,
        pad,
        'NHWC',
        dilation,
      ),
    ]);
    expect(relativeError(wasm[0], cpu[0])).toBeLessThan(2e-6); // measured 3.4e-7
  },
);

test('the gradients of a 3x3 convolution in Winograd’s form equal the cpu backend’s', async () => {
  const { cpu, wasm } = await onBoth(() => {
    const f = (x: tf.Tensor, w: tf.Tensor) =>
      tf.sum(
        tf.square(
          tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, [
            [0, 0],
            [0, 1],
            [1, 1],
            [0, 0],
          ]),
        ),
      );
    return tf.grads(f)([noiseTensor([3, 9, 11, 8], 1), noiseTensor([3, 3, 8, 16], 2)]);
  });
  wasm.forEach((numbers, i) => expect(relativeError(numbers, cpu[i])).toBeLessThan(5e-6)); // measured 2.8e-7
});

/**
 * Sizes at which Winograd's forms are taken, here and by the accelerator: full vectors of channels, odd edges, unlike
 * paddings, a channel count that is no multiple of 8.
 */
const WIDE: NaiveConvolution[] = [
  ...(
    [
      [1, 1, 1, 1],
      [0, 0, 0, 0],
      [0, 1, 0, 1],
      [2, 2, 2, 2],
      [0, 1, 2, 0],
    ] as const
  ).map((padding) => ({ batch: 6, height: 13, width: 9, inChannels: 16, outChannels: 32, padding })),
  { batch: 5, height: 10, width: 11, inChannels: 30, outChannels: 32, padding: [1, 1, 1, 1] },
  { batch: 2, height: 17, width: 18, inChannels: 64, outChannels: 48, padding: [1, 1, 1, 1] },
  { batch: 64, height: 2, width: 4, inChannels: 8, outChannels: 16, padding: [1, 1, 1, 1] },
].map((sizes) => ({ ...sizes, kernel: [3, 3], strides: [1, 1] }) as NaiveConvolution);

test.each(
  WIDE.map(
    (sizes) => [`${sizes.inChannels} to ${sizes.outChannels} channels, ${describeConvolution(sizes)}`, sizes] as const,
  ),
)('a wide 3x3 convolution and both its gradients equal the definition: %s', (_, sizes) => {
  const { batch, height, width, inChannels, outChannels } = sizes;
  const [outHeight, outWidth] = outputSize(sizes);
  const [x, w, dy] = [
    batch * height * width * inChannels,
    9 * inChannels * outChannels,
    batch * outHeight * outWidth * outChannels,
  ].map(noise);
  const filterShape = [3, 3, inChannels, outChannels];
  const inputShape = [batch, height, width, inChannels];
  const attributes = {
    strides: 1,
    pad: explicitPadding(sizes),
    dataFormat: 'NHWC',
    dilations: 1,
    inputShape,
    filterShape,
  };
  const tensors = {
    x: tf.tensor(x, inputShape),
    filter: tf.tensor(w, filterShape),
    dy: tf.tensor(dy, [batch, outHeight, outWidth, outChannels]),
  };
  const run = (kernel: string, inputs: Record<string, tf.Tensor>) =>
    tf.tidy(() => (tf.engine().runKernel(kernel, inputs as never, attributes as never) as tf.Tensor).dataSync());
  const expected = naiveGradients(sizes, x, w, dy);
  expect(
    relativeError(run('Conv2D', { x: tensors.x, filter: tensors.filter }), naiveForward(sizes, x, w)),
  ).toBeLessThan(2e-6); // measured 5e-7
  expect(
    relativeError(run('Conv2DBackpropInput', { dy: tensors.dy, filter: tensors.filter }), expected.dx),
  ).toBeLessThan(2e-6); // measured 5.6e-7
  // measured 1e-6
  expect(relativeError(run('Conv2DBackpropFilter', { x: tensors.x, dy: tensors.dy }), expected.dw)).toBeLessThan(2e-6);
  tf.dispose(tensors);
});

test('conv2d leaves one tensor, the one it returns', () => {
  const x = noiseTensor<tf.Rank.R4>([4, 9, 8, 8], 1);
  const w = noiseTensor<tf.Rank.R4>([3, 3, 8, 16], 2);
  const before = tensorCounts();
  const out = tf.conv2d(x, w, 1, 'same');
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([out, x, w]);
});
