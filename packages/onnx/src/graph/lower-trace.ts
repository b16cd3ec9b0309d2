import { fail } from '@lipsync/contracts';
import { FUSED_KERNELS, type GroupNormAttributes } from '@lipsync/nn';
import type { OnnxAttribute } from '../format/onnx-model';
import type { Constant } from './fold-constants';
import type { Affine, FusedTrace } from './fuse-affine';
import { GraphBuilder, permuted, toFirst, toLast } from './graph-builder';
import { convGeometry, poolGeometry, splitSizes, type TracedOp } from './trace-forward';

/** Arguments of a lowering: the call, numbers of its input and result, the result's shape, and the graph. */
type Call = { op: TracedOp; graph: GraphBuilder; trace: FusedTrace; x: number; y: number; shape: number[] };

const big = (numbers: readonly number[]): bigint[] => numbers.map(BigInt);
const product = (sides: readonly number[]) => sides.reduce((size, side) => size * side, 1);

/** An elementwise operation of one value: it keeps the layout of its argument. */
const each =
  (operator: string, attributes?: (from: Record<string, never>) => Record<string, OnnxAttribute>) =>
  ({ op, graph, x, y, shape }: Call) => {
    const first = graph.isFirst(x);
    const name = graph.node(
      operator,
      [first ? graph.first(x) : graph.last(x)],
      attributes?.(op.attributes as Record<string, never>),
    );
    graph.place(y, shape, first ? { first: name } : { last: name });
  };

/** An elementwise operation of two values: channels-first where one of them is and the other can be. */
const pair =
  (operator: string) =>
  ({ op, graph, trace, y, shape }: Call) => {
    const numbers = [op.inputs.a, op.inputs.b];
    const values = numbers.filter((number) => !graph.constant(number));
    const rank = shape.length;
    const first =
      values.some((number) => graph.isFirst(number)) &&
      values.every((number) => trace.values[number].shape.length === rank);
    const names = numbers.map((number) => {
      if (!graph.constant(number)) return first ? graph.first(number) : graph.last(number);
      return first ? graph.constantFirst(number, rank) : graph.last(number);
    });
    const name = graph.node(operator, names);
    graph.place(y, shape, first ? { first: name } : { last: name });
  };

/** A reduction over some axes. */
const reduce =
  (operator: string) =>
  ({ op, graph, trace, x, y, shape }: Call) => {
    const { axis, reductionIndices, keepDims } = op.attributes as {
      axis?: number | number[];
      reductionIndices?: number[];
      keepDims?: boolean;
    };
    const given = axis ?? reductionIndices;
    const { shape: sides } = trace.values[x];
    const rank = sides.length;
    const axes = given === undefined ? [...sides.keys()] : [given].flat().map((one) => (one < 0 ? one + rank : one));
    // Channels-first, where the order of the remaining axes is the same.
    const spatial = sides.slice(1, -1).every((_, i) => axes.includes(i + 1));
    const first = graph.isFirst(x) && (keepDims === true || spatial || axes.includes(rank - 1));
    const moved = first ? axes.map((one) => toFirst(rank).indexOf(one)).sort((a, b) => a - b) : axes;
    const name = first ? graph.first(x) : graph.last(x);
    const keep = { keepdims: BigInt(keepDims ? 1 : 0) };
    // ReduceSum takes its axes as an input since opset 13, the others from 18 on.
    const result =
      operator === 'ReduceSum'
        ? graph.node(operator, [name, graph.table(moved)], keep)
        : graph.node(operator, [name], { axes: big(moved), ...keep });
    graph.place(y, shape, first && keepDims ? { first: result } : { last: result });
  };

/**
 * The weights of a call, output channels last, with the scale that was folded into it: `order` moves those to the
 * front.
 */
function scaledWeights(
  constant: Constant,
  affine: Affine | undefined,
  order: number[],
): { shape: number[]; data: Float32Array } {
  const channels = constant.shape.at(-1) as number;
  const { scale } = affine ?? {};
  const data = scale ? constant.data.map((number, i) => number * scale[i % channels]) : constant.data;
  return { shape: order.map((axis) => constant.shape[axis]), data: permuted(data, constant.shape, order) };
}

/** Weights into which a norm was folded have `.normed` in their name. */
const weightName = (graph: GraphBuilder, constant: Constant, affine: Affine | undefined) =>
  `${graph.constantName(constant)}${affine?.scale ? '.normed' : ''}`;
const biasName = (weight: string) =>
  /weight(\.normed)?$/.test(weight) ? weight.replace(/weight(\.normed)?$/, 'bias$1') : `${weight}.bias`;

function convolve({ op, graph, trace, y, shape }: Call): void {
  const { x, filter } = op.inputs;
  const constant = graph.constant(filter);
  if (!constant)
    fail(
      TypeError,
      'exportOnnx',
      'the network',
      'one whose convolutions have weights of their own',
      'a computed filter',
    );
  const padding = trace.padded.get(y);
  const sides = trace.values[x].shape.map((side, axis) =>
    padding && axis > 0 && axis < 3 ? side + padding[axis - 1][0] + padding[axis - 1][1] : side,
  );
  const depthwise = op.kernel === 'DepthwiseConv2dNative';
  const { padInfo, strideHeight, strideWidth, dilationHeight, dilationWidth } = convGeometry(
    { x: sides, filter: constant.shape, depthwise },
    op.attributes as never,
  );
  const [rows, columns] = padding ?? [
    [0, 0],
    [0, 0],
  ];
  const affine = trace.affine.get(y);
  const [height, width, channels, multiplier] = constant.shape;
  // A depthwise convolution is one of as many groups as channels: each output sees one input channel.
  const filters = depthwise ? { ...constant, shape: [height, width, 1, channels * multiplier] } : constant;
  const weight = scaledWeights(filters, affine, [3, 2, 0, 1]);
  const name = graph.weight(weightName(graph, constant, affine), weight.shape, weight.data);
  const inputs = [graph.first(x), name];
  if (affine) inputs.push(graph.weight(biasName(name), [affine.bias.length], affine.bias));
  const result = graph.node('Conv', inputs, {
    kernel_shape: big(weight.shape.slice(2)),
    strides: big([strideHeight, strideWidth]),
    dilations: big([dilationHeight, dilationWidth]),
    pads: big([padInfo.top + rows[0], padInfo.left + columns[0], padInfo.bottom + rows[1], padInfo.right + columns[1]]),
    ...(depthwise ? { group: BigInt(channels) } : {}),
  });
  graph.place(y, shape, { first: result });
}

function multiply({ op, graph, trace, y, shape }: Call): void {
  const { a, b } = op.inputs;
  const { transposeA, transposeB } = op.attributes as { transposeA: boolean; transposeB: boolean };
  const constant = graph.constant(b);
  if (shape.length === 2 && constant && !transposeA) {
    const affine = trace.affine.get(y);
    const weight = scaledWeights(
      transposeB
        ? { ...constant, shape: [...constant.shape].reverse(), data: permuted(constant.data, constant.shape, [1, 0]) }
        : constant,
      affine,
      [1, 0],
    );
    const name = graph.weight(weightName(graph, constant, affine), weight.shape, weight.data);
    const bias = affine ? [graph.weight(biasName(name), [affine.bias.length], affine.bias)] : [];
    graph.place(y, shape, { last: graph.node('Gemm', [graph.last(a), name, ...bias], { transB: 1n }) });
    return;
  }
  const turned = (number: number, turn: boolean) => {
    const rank = trace.values[number].shape.length;
    const order = [...Array(rank).keys()];
    order.splice(rank - 2, 2, rank - 1, rank - 2);
    return turn ? graph.transpose(graph.last(number), order) : graph.last(number);
  };
  graph.place(y, shape, { last: graph.node('MatMul', [turned(a, transposeA), turned(b, transposeB)]) });
}

/**
 * GroupNorm as InstanceNormalization of `[batch, groups, rest]`: mean and variance of a group are those of one channel
 * that holds it. Its scale and shift are per group, so those per channel follow as Mul and Add.
 */
function groupNorm({ op, graph, y, shape }: Call): void {
  const { groups, epsilon, activation } = op.attributes as GroupNormAttributes;
  const { x, gamma, beta } = op.inputs;
  const flat = [shape[0], groups, product(shape.slice(1)) / groups];
  const ordered = shape.length > 2 ? toFirst(shape.length).map((axis) => shape[axis]) : shape;
  const [zeros, ones] = [0, 1].map((number) =>
    graph.shared(`${number ? 'ones' : 'zeros'}_${groups}`, [groups], () => new Float32Array(groups).fill(number)),
  );
  const normed = graph.node('InstanceNormalization', [graph.reshape(graph.first(x), flat), ones, zeros], { epsilon });
  const scaled = graph.node('Mul', [graph.reshape(normed, ordered), graph.constantFirst(gamma, shape.length)]);
  let result = graph.node('Add', [scaled, graph.constantFirst(beta, shape.length)]);
  if (activation === 'silu') result = graph.node('Mul', [result, graph.node('Sigmoid', [result])]);
  graph.place(y, shape, shape.length > 2 ? { first: result } : { last: result });
}

function reshape({ graph, trace, x, y, shape }: Call): void {
  const from = trace.values[x].shape;
  const rank = shape.length;
  // Batch and channels keep their axes: the positions between them can be reshaped in either layout.
  const keeps = from.length > 2 && rank > 2 && from[0] === shape[0] && from.at(-1) === shape.at(-1);
  if (graph.isFirst(x) && keeps) {
    graph.place(y, shape, {
      first: graph.reshape(
        graph.first(x),
        toFirst(rank).map((axis) => shape[axis]),
      ),
    });
    return;
  }
  // One position per sample: both layouts are the same in memory.
  const name = graph.isFirst(x) && product(from.slice(1, -1)) === 1 ? graph.first(x) : graph.last(x);
  graph.place(y, shape, { last: graph.reshape(name, shape) });
}

function transpose({ op, graph, x, y, shape }: Call): void {
  const perm = op.attributes.perm as number[];
  const rank = perm.length;
  if (rank > 2 && `${perm}` === `${toLast(rank)}`)
    graph.place(y, shape, { first: graph.last(x) }); // what it calls last is the other layout of the same value
  else if (rank > 2 && `${perm}` === `${toFirst(rank)}`) graph.place(y, shape, { last: graph.first(x) });
  else graph.place(y, shape, { last: graph.transpose(graph.last(x), perm) });
}

/** Reorders a list with one entry per axis where the value is channels-first. */
const axesOf = <T>(graph: GraphBuilder, x: number, list: readonly T[]): T[] =>
  graph.isFirst(x) ? toFirst(list.length).map((axis) => list[axis]) : [...list];
const current = (graph: GraphBuilder, x: number) => (graph.isFirst(x) ? graph.first(x) : graph.last(x));
const placed = (graph: GraphBuilder, x: number, name: string) => (graph.isFirst(x) ? { first: name } : { last: name });

function pad({ op, graph, x, y, shape }: Call): void {
  const { paddings, constantValue = 0 } = op.attributes as { paddings: [number, number][]; constantValue?: number };
  const moved = axesOf(graph, x, paddings);
  const amounts = graph.table([...moved.map(([before]) => before), ...moved.map(([, behind]) => behind)]);
  const filler = graph.shared(`filler_${constantValue}`, [], () => Float32Array.of(constantValue));
  graph.place(y, shape, placed(graph, x, graph.node('Pad', [current(graph, x), amounts, filler])));
}

function pool(operator: 'MaxPool' | 'AveragePool') {
  return ({ op, graph, trace, x, y, shape }: Call) => {
    const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = poolGeometry(
      trace.values[x].shape,
      op.attributes as never,
    );
    const attributes = {
      kernel_shape: big([filterHeight, filterWidth]),
      strides: big([strideHeight, strideWidth]),
      pads: big([padInfo.top, padInfo.left, padInfo.bottom, padInfo.right]),
    };
    graph.place(y, shape, { first: graph.node(operator, [graph.first(x)], attributes) });
  };
}

function slice({ op, graph, trace, x, y, shape }: Call): void {
  const begin = op.attributes.begin as number | number[];
  const from = trace.values[x].shape;
  const begins = from.map((_, axis) => [begin].flat()[axis] ?? 0);
  const cut = from.flatMap((side, axis) => (side === shape[axis] ? [] : [axis]));
  if (cut.some((axis) => from[axis] >= trace.batch && from[axis] % trace.batch === 0))
    fail(TypeError, 'exportOnnx', 'the network', 'one that cuts no batch', from);
  const order = graph.isFirst(x) ? toFirst(from.length) : [...from.keys()];
  const tables = [
    cut.map((axis) => begins[axis]),
    cut.map((axis) => begins[axis] + shape[axis]),
    cut.map((axis) => order.indexOf(axis)),
  ];
  graph.place(
    y,
    shape,
    placed(graph, x, graph.node('Slice', [current(graph, x), ...tables.map((list) => graph.table(list))])),
  );
}

function split({ op, graph, trace, x }: Call): void {
  const from = trace.values[x].shape;
  const { axis } = op.attributes as { axis: number };
  const at = axis < 0 ? axis + from.length : axis;
  const outputs = op.outputs.map(() => graph.name('Split'));
  const sizes = splitSizes(from, op.attributes as never);
  const order = graph.isFirst(x) ? toFirst(from.length) : [...from.keys()];
  graph.node('Split', [current(graph, x), graph.table(sizes)], { axis: BigInt(order.indexOf(at)) }, outputs);
  op.outputs.forEach((number, i) => graph.place(number, trace.values[number].shape, placed(graph, x, outputs[i])));
}

function concat({ op, graph, y, shape }: Call): void {
  const { axis } = op.attributes as { axis: number };
  const at = axis < 0 ? axis + shape.length : axis;
  const first =
    shape.length > 2 &&
    op.list.every((number) => !graph.constant(number)) &&
    op.list.some((number) => graph.isFirst(number));
  const names = op.list.map((number) => (first ? graph.first(number) : graph.last(number)));
  const name = graph.node('Concat', names, { axis: BigInt(first ? toFirst(shape.length).indexOf(at) : at) });
  graph.place(y, shape, first ? { first: name } : { last: name });
}

function softmax({ graph, x, y, shape, op }: Call): void {
  const dim = (op.attributes.dim as number | undefined) ?? -1;
  graph.place(y, shape, { last: graph.node('Softmax', [graph.last(x)], { axis: BigInt(dim) }) });
}

/** tfjs kernels as ONNX operators. */
const LOWERINGS: Record<string, (call: Call) => void> = {
  Relu: each('Relu'),
  Elu: each('Elu'),
  LeakyRelu: each('LeakyRelu', ({ alpha }) => ({ alpha })),
  Sigmoid: each('Sigmoid'),
  Tanh: each('Tanh'),
  Sqrt: each('Sqrt'),
  Reciprocal: each('Reciprocal'),
  Erf: each('Erf'),
  Exp: each('Exp'),
  Log: each('Log'),
  Neg: each('Neg'),
  Abs: each('Abs'),
  Add: pair('Add'),
  Sub: pair('Sub'),
  Multiply: pair('Mul'),
  RealDiv: pair('Div'),
  Maximum: pair('Max'),
  Minimum: pair('Min'),
  Sum: reduce('ReduceSum'),
  Mean: reduce('ReduceMean'),
  Max: reduce('ReduceMax'),
  Min: reduce('ReduceMin'),
  Square: ({ graph, x, y, shape }) => {
    const name = current(graph, x);
    graph.place(y, shape, placed(graph, x, graph.node('Mul', [name, name])));
  },
  Rsqrt: ({ graph, x, y, shape }) =>
    graph.place(y, shape, placed(graph, x, graph.node('Reciprocal', [graph.node('Sqrt', [current(graph, x)])]))),
  Relu6: ({ graph, x, y, shape }) => {
    const [low, high] = [0, 6].map((bound) => graph.shared(`bound_${bound}`, [], () => Float32Array.of(bound)));
    graph.place(y, shape, placed(graph, x, graph.node('Clip', [current(graph, x), low, high])));
  },
  Softmax: softmax,
  Reshape: reshape,
  ExpandDims: reshape,
  Transpose: transpose,
  PadV2: pad,
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  Slice: slice,
  SplitV: split,
  Concat: concat,
  Tile: ({ op, graph, x, y, shape }) =>
    graph.place(
      y,
      shape,
      placed(
        graph,
        x,
        graph.node('Tile', [current(graph, x), graph.table(axesOf(graph, x, op.attributes.reps as number[]))]),
      ),
    ),
  BatchMatMul: multiply,
  Conv2D: convolve,
  DepthwiseConv2dNative: convolve,
  Prelu: ({ op, graph, x, y, shape }) => {
    const first = graph.isFirst(x);
    const slopes = first ? graph.constantFirst(op.inputs.alpha, shape.length) : graph.last(op.inputs.alpha);
    graph.place(y, shape, placed(graph, x, graph.node('PRelu', [current(graph, x), slopes])));
  },
  [FUSED_KERNELS.groupNorm]: groupNorm,
};

/** Names of a graph's inputs, and of its one output. */
export type GraphNames = { inputs: string[]; output: string; nameOf?: (constant: Constant) => string | undefined };

/**
 * A trace as ONNX nodes: convolutions with channels first, the batch free.
 *
 * @returns the graph; its output's value is the node result called `names.output`.
 */
export function lowerTrace(trace: FusedTrace, names: GraphNames): GraphBuilder {
  const graph = new GraphBuilder(trace.batch, trace.constants, names.nameOf);
  trace.inputs.forEach((number, i) =>
    graph.place(number, trace.values[number].shape, { last: graph.name(names.inputs[i]) }),
  );
  graph.name(names.output);
  for (const op of trace.ops) {
    const lower = LOWERINGS[op.kernel];
    if (!lower)
      fail(Error, 'exportOnnx', 'the network', `of the kernels ${Object.keys(LOWERINGS).join(', ')}`, op.kernel);
    const y = op.outputs[0];
    lower({ op, graph, trace, x: op.list[0], y, shape: trace.values[y].shape });
  }
  graph.node('Identity', [graph.last(trace.output)], undefined, [names.output]);
  return graph;
}
