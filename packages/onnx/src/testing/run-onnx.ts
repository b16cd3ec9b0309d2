import * as tf from '@tensorflow/tfjs-core';
import type { OnnxModel, OnnxNode } from '../format/onnx-model';
import { toFirst, toLast } from '../graph/graph-builder';

type Values = Map<string, tf.Tensor>;

/** Attributes as numbers. */
const list = (node: OnnxNode, name: string): number[] =>
  ((node.attributes?.[name] as bigint[] | undefined) ?? []).map(Number);
const one = (node: OnnxNode, name: string): number => Number(node.attributes?.[name] ?? 0);
const channelsLast = <T extends tf.Tensor>(x: tf.Tensor) => tf.transpose(x, toLast(x.rank)) as unknown as T;
const channelsFirst = (x: tf.Tensor) => tf.transpose(x, toFirst(x.rank));
const around = (node: OnnxNode) => {
  const [top, left, bottom, right] = list(node, 'pads');
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ] as [[number, number], [number, number], [number, number], [number, number]];
};

type Run = (inputs: tf.Tensor[], node: OnnxNode, numbers: (input: number) => number[]) => tf.Tensor | tf.Tensor[];
const reduce =
  (run: (x: tf.Tensor, axes: number[], keep: boolean) => tf.Tensor): Run =>
  ([x], node) =>
    run(x, list(node, 'axes'), one(node, 'keepdims') === 1);

/** ONNX's operators, by its specification, in tfjs: slow, and independent of the exporter. */
const OPERATORS: Record<string, Run> = {
  Identity: ([x]) => tf.clone(x),
  Cast: ([x]) => tf.clone(x),
  Add: ([a, b]) => tf.add(a, b),
  Sub: ([a, b]) => tf.sub(a, b),
  Mul: ([a, b]) => tf.mul(a, b),
  Div: ([a, b]) => tf.div(a, b),
  Max: ([a, b]) => tf.maximum(a, b),
  Relu: ([x]) => tf.relu(x),
  LeakyRelu: ([x], node) => tf.leakyRelu(x, node.attributes?.alpha as number),
  Sigmoid: ([x]) => tf.sigmoid(x),
  Sqrt: ([x]) => tf.sqrt(x),
  Reciprocal: ([x]) => tf.reciprocal(x),
  Erf: ([x]) => tf.erf(x),
  Softmax: ([x], node) => tf.softmax(x, one(node, 'axis')),
  ReduceMean: reduce((x, axes, keep) => tf.mean(x, axes, keep)),
  ReduceMax: reduce((x, axes, keep) => tf.max(x, axes, keep)),
  ReduceSum: ([x], node, numbers) => tf.sum(x, numbers(1), one(node, 'keepdims') === 1),
  Reshape: ([x], _, numbers) => tf.reshape(x, numbers(1)),
  Transpose: ([x], node) => tf.transpose(x, list(node, 'perm')),
  Tile: ([x], _, numbers) => tf.tile(x, numbers(1)),
  Concat: (inputs, node) => tf.concat(inputs, one(node, 'axis')),
  Split: ([x], node, numbers) => tf.split(x, numbers(1), one(node, 'axis')),
  Slice: ([x], _, numbers) => {
    const [begin, size] = [x.shape.map(() => 0), [...x.shape]];
    numbers(3).forEach((axis, i) => ([begin[axis], size[axis]] = [numbers(1)[i], numbers(2)[i] - numbers(1)[i]]));
    return tf.slice(x, begin, size);
  },
  Pad: ([x, , filler], _, numbers) =>
    tf.pad(
      x,
      x.shape.map((__, i) => [numbers(1)[i], numbers(1)[i + x.rank]] as [number, number]),
      filler.dataSync()[0],
    ),
  Gemm: ([a, b, c], node) =>
    tf.add(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, false, one(node, 'transB') === 1), c ?? 0),
  MatMul: ([a, b]) => tf.matMul(a, b),
  Conv: ([x, w, bias], node) => {
    const groups = Number(node.attributes?.group ?? 1);
    const convolve = (input: tf.Tensor, filters: tf.Tensor) =>
      tf.conv2d(
        channelsLast<tf.Tensor4D>(input),
        tf.transpose(filters, [2, 3, 1, 0]) as tf.Tensor4D,
        list(node, 'strides') as [number, number],
        around(node),
        'NHWC',
        list(node, 'dilations') as [number, number],
      );
    const [inputs, filters] = [tf.split(x, groups, 1), tf.split(w, groups, 0)];
    const y = tf.concat(
      inputs.map((input, i) => convolve(input, filters[i])),
      3,
    );
    return channelsFirst(bias ? tf.add(y, bias) : y);
  },
  PRelu: ([x, slopes]) => tf.add(tf.relu(x), tf.mul(slopes, tf.minimum(x, 0))),
  MaxPool: ([x], node) =>
    channelsFirst(
      tf.maxPool(
        channelsLast<tf.Tensor4D>(x),
        list(node, 'kernel_shape') as [number, number],
        list(node, 'strides') as [number, number],
        around(node),
      ),
    ),
  AveragePool: ([x], node) =>
    channelsFirst(
      tf.avgPool(
        channelsLast<tf.Tensor4D>(x),
        list(node, 'kernel_shape') as [number, number],
        list(node, 'strides') as [number, number],
        'valid',
      ),
    ),
  InstanceNormalization: ([x, scale, shift], node) => {
    const { mean, variance } = tf.moments(x, [...x.shape.keys()].slice(2), true);
    const channel = [1, x.shape[1] as number, ...new Array<number>(x.rank - 2).fill(1)];
    const unit = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, node.attributes?.epsilon as number)));
    return tf.add(tf.mul(unit, tf.reshape(scale, channel)), tf.reshape(shift, channel));
  },
};

/** What a model gives for inputs; every Cast is passed through. The caller disposes it. */
export function runOnnx(model: OnnxModel, inputs: Record<string, tf.Tensor>): tf.Tensor {
  return tf.tidy(() => {
    const values: Values = new Map(Object.entries(inputs));
    const tables = new Map<string, number[]>();
    for (const { name, shape, data } of model.initializers) {
      if (data instanceof Float32Array) values.set(name, tf.tensor(data, [...shape]));
      else tables.set(name, Array.from(data, Number));
    }
    for (const node of model.nodes) {
      const run = OPERATORS[node.operator];
      if (!run)
        throw new Error(`runOnnx: operator must be one of ${Object.keys(OPERATORS).join(', ')}, got ${node.operator}`);
      const given = node.inputs.map((name) => values.get(name) as tf.Tensor);
      const results = run(given, node, (input) => tables.get(node.inputs[input]) as number[]);
      [results].flat().forEach((result, i) => values.set(node.outputs[i], result));
    }
    return values.get(model.outputs[0].name) as tf.Tensor;
  });
}
