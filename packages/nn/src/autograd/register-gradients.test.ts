import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { DIFFERENTIABLE_KERNELS, registerGradients } from './register-gradients';

type F = (...inputs: tf.Tensor[]) => tf.Tensor;
const normal = (shape: number[], seed: number, mean = 0) => tf.randomNormal(shape, mean, 1, 'float32', seed);
const run = (kernel: string, inputs: object, attributes: object) =>
  tf.engine().runKernel(kernel, inputs as tf.NamedTensorMap, attributes as tf.NamedAttrMap) as tf.Tensor;

/** Largest difference between the registered gradient and central differences, as a share of the largest slope. */
function check(f: F, inputs: tf.Tensor[], step = 1e-2): number {
  const y = f(...inputs);
  const weight = normal(y.shape, 99);
  const loss = (...args: tf.Tensor[]) => tf.sum(tf.mul(f(...args), weight));
  const slopes = tf
    .grads(loss)(inputs)
    .map((slope) => slope.dataSync());
  let difference = 0;
  let largest = 0;
  inputs.forEach((input, which) => {
    const values = input.dataSync();
    for (let i = 0; i < input.size; i++) {
      const at = (move: number) => {
        const moved = Float32Array.from(values);
        moved[i] += move;
        return tf.tidy(
          () => loss(...inputs.map((other, j) => (j === which ? tf.tensor(moved, input.shape) : other))).dataSync()[0],
        );
      };
      const numeric = (at(step) - at(-step)) / (2 * step);
      difference = Math.max(difference, Math.abs(numeric - slopes[which][i]));
      largest = Math.max(largest, Math.abs(numeric));
    }
  });
  return difference / Math.max(largest, 1e-3);
}

// values away from the corners of abs, relu, clip and the rest, so that central differences hold
const away = tf.tensor([-2.3, -1.4, -0.6, -0.2, 0.3, 0.8, 1.7, 2.6]);
const positive = tf.tensor([0.4, 0.9, 1.5, 2.2]);
const image = normal([2, 4, 5, 2], 1);
const filter = normal([3, 2, 2, 3], 2);

const CASES: [string, F, tf.Tensor[]][] = [
  ['Abs', tf.abs as F, [away]],
  ['ClipByValue', (x) => tf.clipByValue(x, -1, 1), [away]],
  ['Cos', tf.cos as F, [away]],
  ['Elu', tf.elu as F, [away]],
  ['Erf', tf.erf as F, [away]],
  ['Exp', tf.exp as F, [away]],
  ['Expm1', tf.expm1 as F, [away]],
  ['LeakyRelu', (x) => tf.leakyRelu(x, 0.1), [away]],
  ['Log', tf.log as F, [positive]],
  ['Log1p', tf.log1p as F, [positive]],
  ['Neg', tf.neg as F, [away]],
  ['Reciprocal', tf.reciprocal as F, [positive]],
  ['Relu', tf.relu as F, [away]],
  ['Relu6', (x) => tf.relu6(tf.mul(x, 3)), [away]],
  ['Rsqrt', tf.rsqrt as F, [positive]],
  ['Sigmoid', tf.sigmoid as F, [away]],
  ['Sin', tf.sin as F, [away]],
  ['Softplus', tf.softplus as F, [away]],
  ['Sqrt', tf.sqrt as F, [positive]],
  ['Square', tf.square as F, [away]],
  ['Tanh', tf.tanh as F, [away]],
  ['Add', tf.add as F, [normal([2, 3], 3), normal([3], 4)]],
  ['Sub', tf.sub as F, [normal([2, 1, 3], 5), normal([4, 1], 6)]],
  ['Multiply', tf.mul as F, [normal([2, 3], 7), normal([2, 1], 8)]],
  ['RealDiv', tf.div as F, [normal([2, 4], 9), positive]],
  ['SquaredDifference', tf.squaredDifference as F, [normal([2, 3], 10), normal([3], 11)]],
  ['Maximum', tf.maximum as F, [away, tf.scalar(0.5)]],
  ['Minimum', tf.minimum as F, [away, tf.scalar(0.5)]],
  ['Pow', tf.pow as F, [positive, tf.tensor([2, -1, 0.5, 3])]],
  ['AddN', (a, b, c) => tf.addN([a, b, c, a]), [normal([3], 12), normal([3], 13), normal([3], 14)]],
  ['Select', (a, b) => tf.where(tf.greater(away, 0), a, b), [normal([8], 15), normal([8], 16)]],
  ['Identity', (x) => tf.clone(x), [away]],
  ['Cast', (x) => tf.cast(tf.mul(x, 2), 'float32'), [away]],
  ['Reshape', (x) => tf.reshape(x, [2, 4]), [away]],
  ['ExpandDims', (x) => tf.expandDims(x, 0), [away]],
  ['Transpose', (x) => tf.transpose(x, [2, 0, 3, 1]), [image]],
  ['Slice', (x) => tf.slice(x, [0, 1, 2, 0], [-1, 2, 3, 1]), [image]],
  [
    'PadV2',
    (x) =>
      tf.pad(
        x,
        [
          [0, 1],
          [2, 0],
        ],
        7,
      ),
    [normal([2, 3], 17)],
  ],
  ['Concat', (a, b) => tf.concat([a, b, a], -1), [normal([2, 3], 18), normal([2, 1], 19)]],
  ['SplitV', (x) => ((parts) => tf.mul(parts[0], tf.square(parts[2])))(tf.split(x, 3, 1)), [normal([2, 6], 20)]],
  ['Pack', (a, b) => tf.stack([a, b], 1), [normal([2, 3], 21), normal([2, 3], 22)]],
  ['Unpack', (x) => ((parts) => tf.mul(parts[0], parts[1]))(tf.unstack(x, 1)), [normal([3, 2], 23)]],
  ['Reverse', (x) => tf.mul(tf.reverse(x, [1]), x), [normal([2, 3], 23)]],
  ['Tile', (x) => tf.tile(x, [2, 1, 3]), [normal([2, 3, 2], 24)]],
  ['GatherV2', (x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32')), [normal([3, 2], 25)]],
  ['Sum', (x) => tf.sum(x, [0, 2]), [image]],
  ['Mean', (x) => tf.mean(x, [1, 2], true), [image]],
  ['Max', (x) => tf.max(x, 1), [normal([3, 4], 26)]],
  ['Min', (x) => tf.min(x, [0, 1]), [normal([3, 4], 41)]],
  ['Softmax', (x) => tf.softmax(x), [normal([3, 4], 28)]],
  ...[
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ].map(([a, b]): [string, F, tf.Tensor[]] => [
    'BatchMatMul',
    (x, y) => tf.matMul(x, y, a, b),
    [normal(a ? [2, 4, 3] : [2, 3, 4], 29), normal(b ? [2, 2, 4] : [2, 4, 2], 30)],
  ]),
  ['BatchMatMul', (x, y) => tf.matMul(x, y), [normal([3, 2, 4], 31), normal([1, 4, 2], 32)]], // one operand for every batch
  ['BatchMatMul', (x, y) => tf.matMul(x, y, false, true), [normal([2, 4], 33), normal([3, 2, 4], 34)]],
  [
    'Conv2D',
    (x, w) =>
      tf.conv2d(
        x as tf.Tensor4D,
        w as tf.Tensor4D,
        [2, 1],
        [
          [0, 0],
          [1, 0],
          [0, 2],
          [0, 0],
        ],
      ),
    [image, filter],
  ],
  [
    'Conv2DBackpropInput',
    (y, w) => tf.conv2dTranspose(y as tf.Tensor4D, w as tf.Tensor4D, [2, 5, 6, 2], [2, 1], 'valid'),
    [normal([2, 2, 5, 3], 35), filter],
  ],
  [
    'DepthwiseConv2dNative',
    (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'),
    [image, normal([3, 3, 2, 2], 36)],
  ],
  ['MaxPool', (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'), [image]],
  ['AvgPool', (x) => tf.avgPool(x as tf.Tensor4D, 3, 1, 'valid'), [image]],
  ['ResizeBilinear', (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [7, 3]), [normal([2, 4, 4, 2], 37)]],
];

/** Kernels without slope: the gradient that reaches x past them is that of the other factor alone. */
const FLAT: Record<string, F> = {
  Sign: tf.sign as F,
  Step: (x) => tf.step(x),
  Floor: tf.floor as F,
  Round: tf.round as F,
  ZerosLike: (x) => run('ZerosLike', { x }, {}),
  OnesLike: (x) => run('OnesLike', { x }, {}),
  Equal: (x) => tf.cast(tf.equal(x, 0.3), 'float32'),
  NotEqual: (x) => tf.cast(tf.notEqual(x, 0), 'float32'),
  Greater: (x) => tf.cast(tf.greater(x, 0), 'float32'),
  GreaterEqual: (x) => tf.cast(tf.greaterEqual(x, 0), 'float32'),
  Less: (x) => tf.cast(tf.less(x, 0), 'float32'),
  LessEqual: (x) => tf.cast(tf.lessEqual(x, 0), 'float32'),
  LogicalAnd: (x) => tf.cast(tf.logicalAnd(tf.greater(x, -1), tf.less(x, 1)), 'float32'),
  LogicalOr: (x) => tf.cast(tf.logicalOr(tf.greater(x, 1), tf.less(x, -1)), 'float32'),
  LogicalNot: (x) => tf.cast(tf.logicalNot(tf.less(x, 1)), 'float32'),
};

describe('registerGradients', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
    registerGradients();
  });

  test.each(CASES)('the gradient of %s is that of finite differences', (_, f, inputs) => {
    expect(check(f, inputs)).toBeLessThan(5e-3); // float32 differences; measured 1e-6 to 2e-3
  });

  test.each(Object.entries(FLAT))('%s has no slope and does not stand in the way of one', (_, f) => {
    const slope = tf.grad((x) => tf.mul(f(x), x))(away);
    f(away)
      .dataSync()
      .forEach((value, i) => expect(slope.dataSync()[i]).toBeCloseTo(value, 6)); // equal here
  });

  test('covers every kernel it registers', () => {
    expect([...new Set([...CASES.map(([name]) => name), ...Object.keys(FLAT)])].sort()).toEqual(
      [...DIFFERENTIABLE_KERNELS].sort(),
    );
  });

  test('keeps gradients that are registered already', () => {
    const relu = tf.getGradient('Relu');
    registerGradients();
    expect(tf.getGradient('Relu')).toBe(relu);
  });

  test('gradients leave one tensor', () => {
    const before = tf.memory().numTensors;
    tf.dispose(
      tf.grad((x) => tf.sum(tf.softmax(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'))))(image),
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses gradients of dilated convolutions, padded average pooling and gathering along other axes', () => {
    expect(() =>
      tf.grad((x) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same', 'NHWC', 2))(image),
    ).toThrow(/dilation 1 only/);
    expect(() => tf.grad((x) => tf.avgPool(x as tf.Tensor4D, 3, 2, 'same'))(image)).toThrow(/without padding only/);
    expect(() => tf.grad((x) => tf.gather(x, tf.tensor1d([0], 'int32'), 1))(normal([2, 2], 1))).toThrow(
      /axis 0 without batch dimensions only/,
    );
  });
});
