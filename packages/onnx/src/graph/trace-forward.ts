import { fail } from '@lipsync/contracts';
import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** A value of a forward pass, by its number in the trace. */
type TracedValue = {
  shape: number[];
  dtype: tf.DataType;
  /** Values of a constant made in the pass, such as an epsilon. */
  literal?: tf.TypedArray;
  /** A tensor from before the pass, of this shape: a weight. */
  tensor?: tf.Tensor;
};

/** One kernel call. */
export type TracedOp = {
  kernel: string;
  inputs: Record<string, number>;
  /** All inputs, in order; for kernels that take a list. */
  list: number[];
  attributes: Record<string, unknown>;
  outputs: number[];
};

/** A traced forward pass: values by number, kernel calls in order. */
export type Trace = { values: TracedValue[]; ops: TracedOp[]; inputs: number[]; output: number; batch: number };

const NAME = 'lipsync-onnx-trace';
/** Batch sizes of which no axis of a network is a multiple, so that every multiple is the batch's. */
const BATCHES = [1009, 1013];

type Inputs = Record<string, tf.TensorInfo>;
type Attributes = Record<string, unknown>;
type ShapeRule = (inputs: Inputs, attributes: never, list: tf.TensorInfo[]) => number[] | number[][];

const same: ShapeRule = (inputs) => Object.values(inputs)[0].shape;
const broadcast: ShapeRule = ({ a, b }) => tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);

function reduced(shape: readonly number[], axis: number | number[] | undefined, keepDims: boolean): number[] {
  const axes = tf.util.parseAxisParam(axis as number[], [...shape]);
  return keepDims ? shape.map((side, i) => (axes.includes(i) ? 1 : side)) : shape.filter((_, i) => !axes.includes(i));
}
const reduction: ShapeRule = (
  { x },
  { axis, reductionIndices, keepDims }: { axis?: number[]; reductionIndices?: number[]; keepDims: boolean },
) => reduced(x.shape, axis ?? reductionIndices, keepDims);

function product({ a, b }: Inputs, { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean }): number[] {
  const rank = a.shape.length;
  const outer = tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return [
    ...outer,
    a.shape[transposeA ? rank - 1 : rank - 2],
    b.shape[transposeB ? b.shape.length - 2 : b.shape.length - 1],
  ];
}

type ConvAttributes = { strides: [number, number]; pad: never; dilations: [number, number]; dimRoundingMode?: 'floor' };
/** Sizes, strides and padding of a traced convolution; `depthwise`: of one with a filter for each channel. */
export function convGeometry(
  { x, filter, depthwise = false }: { x: readonly number[]; filter: readonly number[]; depthwise?: boolean },
  { strides, pad, dilations, dimRoundingMode }: ConvAttributes,
) {
  return tf.backend_util.computeConv2DInfo(
    [...x] as never,
    [...filter] as never,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    depthwise,
  );
}

type PoolAttributes = {
  filterSize: [number, number];
  strides: [number, number];
  pad: never;
  dimRoundingMode?: 'floor';
};
/** Sizes, strides and padding of a traced pool. */
export function poolGeometry(x: readonly number[], { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) {
  return tf.backend_util.computePool2DInfo([...x] as never, filterSize, strides, 1, pad, dimRoundingMode);
}
const pool: ShapeRule = ({ x }, attributes: PoolAttributes) => poolGeometry(x.shape, attributes).outShape;

/** Sizes into which a SplitV kernel splits an axis. */
export function splitSizes(
  shape: readonly number[],
  { numOrSizeSplits, axis }: { numOrSizeSplits: number | number[]; axis: number },
): number[] {
  return tf.backend_util.prepareSplitSize(
    { shape: [...shape] } as tf.Tensor,
    numOrSizeSplits,
    tf.util.parseAxisParam(axis, [...shape])[0],
  );
}

/** Output shapes by kernel: the kernels that can be traced. */
const SHAPES: Record<string, ShapeRule> = {
  Identity: same,
  Cast: same,
  Relu: same,
  Relu6: same,
  Elu: same,
  LeakyRelu: same,
  Sigmoid: same,
  Tanh: same,
  Sqrt: same,
  Rsqrt: same,
  Square: same,
  Reciprocal: same,
  Erf: same,
  Exp: same,
  Log: same,
  Neg: same,
  Abs: same,
  Softmax: same,
  Add: broadcast,
  Sub: broadcast,
  Multiply: broadcast,
  RealDiv: broadcast,
  Maximum: broadcast,
  Minimum: broadcast,
  Sum: reduction,
  Mean: reduction,
  Max: reduction,
  Min: reduction,
  MaxPool: pool,
  AvgPool: pool,
  Reshape: ({ x }, { shape }: { shape: number[] }) =>
    tf.util.inferFromImplicitShape(shape, tf.util.sizeFromShape(x.shape)),
  ExpandDims: ({ input }, { dim }: { dim: number }) => {
    const at = dim < 0 ? input.shape.length + 1 + dim : dim;
    return [...input.shape.slice(0, at), 1, ...input.shape.slice(at)];
  },
  Transpose: ({ x }, { perm }: { perm: number[] }) => perm.map((axis) => x.shape[axis]),
  PadV2: ({ x }, { paddings }: { paddings: [number, number][] }) =>
    x.shape.map((side, i) => side + paddings[i][0] + paddings[i][1]),
  Tile: ({ x }, { reps }: { reps: number[] }) => x.shape.map((side, i) => side * reps[i]),
  Slice: ({ x }, { begin, size }: { begin: number[]; size: number[] }) =>
    tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size)[1],
  Concat: (_, { axis }: { axis: number }, list) =>
    tf.backend_util.computeOutShape(
      list.map(({ shape }) => shape),
      axis,
    ),
  SplitV: ({ x }, attributes: { numOrSizeSplits: number | number[]; axis: number }) => {
    const axis = tf.util.parseAxisParam(attributes.axis, x.shape)[0];
    return splitSizes(x.shape, attributes).map((size) => x.shape.map((side, i) => (i === axis ? size : side)));
  },
  BatchMatMul: (inputs, attributes: { transposeA: boolean; transposeB: boolean }) => product(inputs, attributes),
  Prelu: same,
  Conv2D: ({ x, filter }, attributes: ConvAttributes) =>
    convGeometry({ x: x.shape, filter: filter.shape }, attributes).outShape,
  DepthwiseConv2dNative: ({ x, filter }, attributes: ConvAttributes) =>
    convGeometry({ x: x.shape, filter: filter.shape, depthwise: true }, attributes).outShape,
  [FUSED_KERNELS.groupNorm]: ({ x }, { groups }: { groups: number }) => [x.shape, [x.shape[0], groups, 2]],
};

/** Kernels by tfjs's name of the activation that follows a fused convolution. */
const ACTIVATIONS: Record<string, string | undefined> = {
  linear: undefined,
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  leakyrelu: 'LeakyRelu',
  prelu: 'Prelu',
};

/** Recorded as the calls of which it is made: a convolution, its bias, its activation. */
const FUSED_CONVOLUTION = 'FusedConv2D';

/** A backend that computes nothing: it numbers its tensors and records kernel calls. */
class TraceBackend extends tf.KernelBackend {
  readonly values: TracedValue[] = [];
  readonly ops: TracedOp[] = [];
  readonly #numbers = new Map<object, number>();

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    if (dtype === 'string' || values === null) fail(TypeError, 'exportOnnx', 'the network', 'numeric', dtype);
    return this.add({ shape: [...shape], dtype, literal: (values as tf.TypedArray).slice() }).dataId;
  }

  add(value: TracedValue): tf.TensorInfo {
    const dataId = {};
    this.#numbers.set(dataId, this.values.length);
    this.values.push(value);
    return { dataId, shape: value.shape, dtype: value.dtype };
  }

  /** The number of a tensor; a tensor from before the pass gets one at its first use. */
  numberOf(tensor: tf.TensorInfo): number {
    const known = this.#numbers.get(tensor.dataId);
    if (known !== undefined) return known;
    this.#numbers.set(tensor.dataId, this.values.length);
    this.values.push({ shape: [...tensor.shape], dtype: tensor.dtype, tensor: tensor as tf.Tensor });
    return this.values.length - 1;
  }

  record(kernel: string, inputs: Inputs | tf.TensorInfo[], attributes: Attributes): tf.TensorInfo | tf.TensorInfo[] {
    const list = Array.isArray(inputs) ? inputs : Object.values(inputs).filter((input) => input !== undefined);
    const named = Array.isArray(inputs) ? {} : inputs;
    const shapes = SHAPES[kernel](named, attributes as never, list);
    const many = Array.isArray(shapes[0]);
    const dtype = kernel === 'Cast' ? (attributes.dtype as tf.DataType) : list[0].dtype;
    const results = ((many ? shapes : [shapes]) as number[][]).map((shape) => this.add({ shape: [...shape], dtype }));
    this.ops.push({
      kernel,
      inputs: Object.fromEntries(
        Object.entries(named).flatMap(([name, tensor]) => (tensor ? [[name, this.numberOf(tensor)]] : [])),
      ),
      list: list.map((tensor) => this.numberOf(tensor)),
      attributes,
      outputs: results.map((result) => this.numberOf(result)),
    });
    return many ? results : results[0];
  }

  recordFused({ x, filter, bias, preluActivationWeights }: Inputs, attributes: Attributes): tf.TensorInfo {
    const {
      activation = 'linear',
      leakyreluAlpha,
      ...convolution
    } = attributes as { activation?: string } & Attributes;
    const one = (kernel: string, inputs: Inputs, settings: Attributes = {}) =>
      this.record(kernel, inputs, settings) as tf.TensorInfo;
    let y = one('Conv2D', { x, filter }, convolution);
    if (bias) y = one('Add', { a: y, b: bias });
    if (!(activation in ACTIVATIONS))
      fail(Error, 'exportOnnx', 'activation', `one of ${Object.keys(ACTIVATIONS).join(', ')}`, activation);
    const kernel = ACTIVATIONS[activation];
    if (kernel === undefined) return y;
    if (kernel === 'Prelu') return one(kernel, { x: y, alpha: preluActivationWeights });
    return one(kernel, { x: y }, kernel === 'LeakyRelu' ? { alpha: leakyreluAlpha } : {});
  }

  override read(): never {
    return fail(
      Error,
      'exportOnnx',
      'the network',
      'one that reads no values back in its forward pass',
      'one that does',
    );
  }
  override readSync(): never {
    return this.read();
  }
  override disposeData(): boolean {
    return true; // the trace is read after all tensors are disposed
  }
  override incRef(): void {}
  override refCount(): number {
    return 1;
  }
  override numDataIds(): number {
    return this.values.length;
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override dispose(): void {}
}

/**
 * Traces a forward pass: records its kernel calls without computing them.
 *
 * The pass runs twice, with two batch sizes; differences other than the batch are refused, as a file cannot hold them.
 * It runs synchronously on a backend of its own; the current backend is restored afterwards.
 *
 * @param forward must return one tensor, synchronously; inputs and result of any rank, `[batch, …]`.
 * @param shapes of the inputs, without their batch.
 * @throws Error for a kernel that cannot be traced, TypeError for a network whose operations depend on the batch size.
 */
export function traceForward(
  forward: (...inputs: tf.Tensor[]) => tf.Tensor,
  shapes: readonly (readonly number[])[],
): Trace {
  const [trace, other] = BATCHES.map((batch) =>
    traceOnce(
      forward,
      shapes.map((shape) => [batch, ...shape]),
      batch,
    ),
  );
  assertAlike(trace, other);
  return trace;
}

/** @param shapes of the inputs, their batch included. */
function traceOnce(forward: (...inputs: tf.Tensor[]) => tf.Tensor, shapes: number[][], batch: number): Trace {
  const before = tf.getBackend();
  const backend = new TraceBackend();
  const known = new Set([...Object.keys(SHAPES), FUSED_CONVOLUTION, FUSED_KERNELS.groupNormGrad]);
  // Kernels that cannot be traced throw with their name; our fused kernels are left out, as their callers fall back to
  // plain ones.
  const fused = new Set<string>(Object.values(FUSED_KERNELS));
  for (const { kernelName } of tf.getKernelsForBackend(before)) if (!fused.has(kernelName)) known.add(kernelName);
  tf.registerBackend(NAME, () => backend, -1);
  for (const kernelName of known) {
    const kernelFunc = ({ inputs, attrs }: { inputs: unknown; attrs?: unknown }) => {
      const [given, attributes] = [inputs as Inputs, (attrs ?? {}) as Attributes];
      if (kernelName === FUSED_CONVOLUTION) return backend.recordFused(given, attributes);
      if (kernelName in SHAPES) return backend.record(kernelName, given, attributes);
      return fail(Error, 'exportOnnx', 'the network', `of the kernels ${Object.keys(SHAPES).join(', ')}`, kernelName);
    };
    tf.registerKernel({ kernelName, backendName: NAME, kernelFunc: kernelFunc as unknown as tf.KernelFunc });
  }
  try {
    void tf.setBackend(NAME); // takes effect at once, as the factory is synchronous
    let [inputs, output]: [number[], number] = [[], -1];
    tf.tidy(() => {
      const tensors = shapes.map((shape) =>
        tf.engine().makeTensorFromTensorInfo(backend.add({ shape, dtype: 'float32' }), backend),
      );
      inputs = tensors.map((tensor) => backend.numberOf(tensor));
      output = backend.numberOf(forward(...tensors));
    });
    return { values: backend.values, ops: backend.ops, inputs, output, batch };
  } finally {
    void tf.setBackend(before);
    for (const kernelName of known) tf.unregisterKernel(kernelName, NAME);
    tf.removeBackend(NAME);
  }
}

/** Throws unless two traces are equal except for the batch. */
function assertAlike(a: Trace, b: Trace): void {
  const differ = (what: string) =>
    fail(TypeError, 'exportOnnx', 'the network', 'the same for every batch', `another ${what} for another batch`);
  if (a.ops.length !== b.ops.length || a.values.length !== b.values.length) differ('number of operations');
  const scaled = (x: unknown, y: unknown): boolean => {
    if (typeof x === 'number' && typeof y === 'number')
      return x === y || (x % a.batch === 0 && (x / a.batch) * b.batch === y) || (Number.isNaN(x) && Number.isNaN(y));
    if (typeof x !== 'object' || x === null || typeof y !== 'object' || y === null) return x === y;
    const [p, q] = [x as Record<string, unknown>, y as Record<string, unknown>];
    return Object.keys(p).length === Object.keys(q).length && Object.keys(p).every((key) => scaled(p[key], q[key]));
  };
  a.ops.forEach(({ kernel, list, attributes }, i) => {
    const other = b.ops[i];
    if (kernel !== other.kernel || `${list}` !== `${other.list}` || !scaled(attributes, other.attributes))
      differ(kernel);
  });
  a.values.forEach(({ shape, literal }, i) => {
    const other = b.values[i];
    if (!scaled(shape, other.shape)) differ('shape');
    if (
      literal &&
      (literal.length !== other.literal?.length || literal.some((number, j) => !Object.is(number, other.literal?.[j])))
    )
      differ('constant');
  });
}
