import { Random } from '@lipsync/nn';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { runOnnx } from '../testing/run-onnx';
import { foldConstants } from './fold-constants';
import { fuseAffine } from './fuse-affine';
import { lowerTrace } from './lower-trace';
import { traceForward } from './trace-forward';

const filters = new Map<string, tf.Tensor>();
beforeAll(async () => {
  await tf.setBackend('cpu');
  const random = new Random(1);
  for (const [name, shape] of [
    ['filter', [3, 2, 4, 6]],
    ['square', [4, 4]],
    ['channels', [6]],
    ['depthwise', [3, 2, 4, 2]],
    ['slopes', [1, 1, 6]],
  ] as const) {
    const size = tf.util.sizeFromShape([...shape]);
    filters.set(
      name,
      tf.variable(
        tf.tensor(
          Float32Array.from({ length: size }, () => random.uniform() - 0.5),
          [...shape],
        ),
      ),
    );
  }
});
/** Values for eight channels. */
const EIGHT = [0.5, -1, 2, 3, -0.25, 1.5, 0.75, 4];
const filter = (name: string) => filters.get(name) as tf.Tensor4D;

async function lowered(forward: (x: tf.Tensor) => tf.Tensor, shape: number[]) {
  const { nodes, initializers } = lowerTrace(fuseAffine(await foldConstants(traceForward(forward, [shape]))), {
    inputs: ['x'],
    output: 'y',
  });
  const sides = ['batch', ...shape];
  return {
    name: '',
    nodes,
    initializers,
    inputs: [{ name: 'x', shape: sides }],
    outputs: [{ name: 'y', shape: [] }],
    metadata: {},
  };
}

const conv = (x: tf.Tensor) =>
  tf.conv2d(
    x as tf.Tensor4D,
    filter('filter'),
    [2, 1],
    [
      [0, 0],
      [1, 2],
      [0, 1],
      [0, 0],
    ],
  );
// Each is traced, lowered, run by ONNX's rules and compared with tfjs.
test.each<[string, (x: tf.Tensor) => tf.Tensor, string[]]>([
  ['a convolution with uneven zeros', conv, ['Transpose', 'Conv', 'Transpose']],
  [
    'a dilated one',
    (x) => tf.conv2d(x as tf.Tensor4D, filter('filter'), 1, 'valid', 'NHWC', [1, 2]),
    ['Transpose', 'Conv', 'Transpose'],
  ],
  [
    'a depthwise convolution with two filters a channel, its scale and bias',
    (x) =>
      tf.add(tf.mul(tf.depthwiseConv2d(x as tf.Tensor4D, filter('depthwise'), [2, 2], 'same'), EIGHT), tf.neg(EIGHT)),
    ['Transpose', 'Conv', 'Transpose'],
  ],
  [
    'a fused convolution as its parts',
    (x) =>
      tf.fused.conv2d({
        x: x as tf.Tensor4D,
        filter: filter('filter'),
        strides: 2,
        pad: 'same',
        bias: filter('channels'),
        activation: 'prelu',
        preluActivationWeights: filter('slopes'),
      }),
    ['Transpose', 'Conv', 'PRelu', 'Transpose'],
  ],
  [
    'one without an activation, and with a leaky one',
    (x) => {
      const settings = { x: x as tf.Tensor4D, filter: filter('filter'), strides: 1, pad: 'same' as const };
      return tf.sub(
        tf.fused.conv2d(settings),
        tf.fused.conv2d({ ...settings, activation: 'leakyrelu', leakyreluAlpha: 0.25 }),
      );
    },
    ['Transpose', 'Conv', 'Conv', 'LeakyRelu', 'Sub', 'Transpose'],
  ],
  ['slopes for each channel', (x) => tf.prelu(x, tf.tensor1d([0.1, 0.2, 0.3, 0.4])), ['PRelu']],
  [
    'numbers a channel, before a ReLU',
    (x) => tf.add(tf.relu(conv(x)), filter('channels')),
    ['Transpose', 'Conv', 'Relu', 'Add', 'Transpose'],
  ],
  [
    'pools',
    (x) => tf.avgPool(tf.maxPool(conv(x), 2, 1, 'valid'), 2, 1, 'valid'),
    ['Transpose', 'Conv', 'MaxPool', 'AveragePool', 'Transpose'],
  ],
  [
    'a padded pool',
    (x) =>
      tf.maxPool(conv(x), 3, 2, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ]),
    ['Transpose', 'Conv', 'MaxPool', 'Transpose'],
  ],
  ['a mean over positions', (x) => tf.mean(conv(x), [1, 2]), ['Transpose', 'Conv', 'ReduceMean']],
  [
    'a mean that keeps its axes',
    (x) => tf.mul(conv(x), tf.mean(conv(x), [1, -2], true)),
    ['Transpose', 'Conv', 'Conv', 'ReduceMean', 'Mul', 'Transpose'],
  ],
  ['a sum over channels', (x) => tf.sum(conv(x), 3), ['Transpose', 'Conv', 'ReduceSum']],
  ['a maximum over rows', (x) => tf.max(conv(x), 1), ['Transpose', 'Conv', 'Transpose', 'ReduceMax']],
  [
    'a slice with channels first',
    (x) => tf.slice(conv(x), [0, 1, 0, 2], [-1, 2, -1, 3]),
    ['Transpose', 'Conv', 'Slice', 'Transpose'],
  ],
  [
    'a split with channels first',
    (x) => tf.sub(...(tf.split(conv(x), 2, 3) as [tf.Tensor, tf.Tensor])),
    ['Transpose', 'Conv', 'Split', 'Sub', 'Transpose'],
  ],
  [
    'joined channels',
    (x) => tf.concat([conv(x), tf.relu(conv(x))], -1),
    ['Transpose', 'Conv', 'Conv', 'Relu', 'Concat', 'Transpose'],
  ],
  [
    'padding and repetition',
    (x) =>
      tf.tile(
        tf.pad(
          tf.relu(conv(x)),
          [
            [0, 0],
            [0, 1],
            [2, 0],
            [1, 0],
          ],
          7,
        ),
        [1, 2, 1, 1],
      ),
    ['Transpose', 'Conv', 'Relu', 'Pad', 'Tile', 'Transpose'],
  ],
  [
    'positions in a row',
    (x) => tf.relu(tf.reshape(conv(x), [x.shape[0], -1, 6])),
    ['Transpose', 'Conv', 'Reshape', 'Relu', 'Transpose'],
  ],
  ['everything in a row', (x) => tf.reshape(conv(x), [x.shape[0], -1]), ['Transpose', 'Conv', 'Transpose', 'Reshape']],
  ['products', (x) => tf.matMul(tf.reshape(x, [-1, 4]), filter('square') as never, false, true), ['Reshape', 'Gemm']],
  [
    'products of samples',
    (x) => tf.softmax(tf.matMul(tf.reshape(x, [-1, 5, 28]), tf.reshape(x, [-1, 5, 28]), false, true)),
    ['Reshape', 'Reshape', 'Transpose', 'MatMul', 'Softmax'],
  ],
  ['turned axes', (x) => tf.transpose(tf.relu(tf.transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]), ['Relu']],
  ['other turned axes', (x) => tf.transpose(x, [0, 2, 1, 3]), ['Transpose']],
  [
    'functions',
    (x) => tf.leakyRelu(tf.erf(tf.rsqrt(tf.add(tf.square(x), 2))), 0.25),
    ['Mul', 'Add', 'Sqrt', 'Reciprocal', 'Erf', 'LeakyRelu'],
  ],
])('lowerTrace writes %s', async (_, forward, operators) => {
  const model = await lowered(forward, [5, 7, 4]);
  expect(model.nodes.slice(0, -1).map(({ operator }) => operator)).toEqual(operators);
  const random = new Random(2);
  const x = tf.tensor(
    Float32Array.from({ length: 280 }, () => random.uniform() - 0.5),
    [2, 5, 7, 4],
  );
  const [ours, theirs] = [tf.tidy(() => forward(x)), runOnnx(model, { x })];
  expect(theirs.shape).toEqual(ours.shape);
  const [a, b] = [ours.dataSync(), theirs.dataSync()];
  a.forEach((number, i) => expect(b[i]).toBeCloseTo(number, 6)); // measured 6e-8
  tf.dispose([x, ours, theirs]);
});

test('lowerTrace refuses a computed filter, and a sliced batch', async () => {
  const own = (x: tf.Tensor) => tf.reshape(tf.slice(tf.mean(x, 0), [0, 0, 0], [1, 1, 4]), [1, 1, 4, 1]) as tf.Tensor4D;
  const message =
    'exportOnnx: the network must be one whose convolutions have weights of their own, got a computed filter';
  await expect(lowered((x) => tf.conv2d(x as tf.Tensor4D, own(x), 1, 'valid'), [5, 7, 4])).rejects.toThrow(message);
  await expect(lowered((x) => tf.slice(x, [1, 0], [1, 4]), [4])).rejects.toThrow(
    'exportOnnx: the network must be one that cuts no batch',
  );
});
