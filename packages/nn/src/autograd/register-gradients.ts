import * as tf from '@tensorflow/tfjs-core';

/** By the name of the input, each in the shape of its input. */
type Gradients = { [input: string]: () => tf.Tensor };
type GradientRule = {
  /** Inputs that the rule needs, in the order in which it receives them. */
  save?: string[];
  saveOutput?: boolean;
  saveAllInputs?: boolean;
  /** Any rank: `dy` has the shape of the output, `saved` are the saved inputs and the output. */
  rule: (dy: tf.Tensor, saved: tf.Tensor[], attributes: Record<string, unknown>) => Gradients;
};

/** Runs a kernel with one output; any ranks. */
const run = (kernel: string, inputs: Record<string, tf.Tensor>, attributes: Record<string, unknown>) =>
  tf
    .engine()
    .runKernel(kernel, inputs as unknown as tf.NamedTensorMap, attributes as unknown as tf.NamedAttrMap) as tf.Tensor;

/** Sums a gradient, of any rank, over the axes along which its tensor was repeated. */
function sumTo(dy: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, dy.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(dy, axes) : dy, shape);
}

/** Repeats a reduced gradient, of any rank, over the axes that were reduced. */
function spread(dy: tf.Tensor, shape: number[], axes: number[]): tf.Tensor {
  const kept = shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
  return tf.mul(tf.reshape(dy, kept), tf.ones(shape)); // not broadcastTo, which tiles: a plain loop on the wasm backend
}

/** A condition of any rank as 0 and 1. */
const float = (condition: tf.Tensor) => tf.cast(condition, 'float32');
/** A function of each element; `dy`, `x` and the slope have one shape, of any rank. */
const elementwise = (
  slope: (dy: tf.Tensor, x: tf.Tensor, attributes: never) => tf.Tensor,
  input = 'x',
): GradientRule => ({
  save: [input],
  rule: (dy, [x], attributes) => ({ [input]: () => slope(dy, x, attributes as never) }),
});
/** A function of each element, any rank, whose derivative is simplest in terms of its result. */
const byResult = (slope: (dy: tf.Tensor, y: tf.Tensor) => tf.Tensor): GradientRule => ({
  saveOutput: true,
  rule: (dy, [y]) => ({ x: () => slope(dy, y) }),
});
/** A function of two tensors of any rank that broadcast against each other; `dy` has the broadcast shape. */
const binary = (a: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.Tensor, b: typeof a): GradientRule => ({
  save: ['a', 'b'],
  rule: (dy, [left, right]) => ({
    a: () => sumTo(a(dy, left, right), left.shape),
    b: () => sumTo(b(dy, left, right), right.shape),
  }),
});
/** Ops whose derivative is 0, such as comparisons; without a rule, tfjs refuses every function that contains one. */
const flat = (...inputs: string[]): GradientRule => ({
  save: inputs,
  rule: (_, saved) => Object.fromEntries(inputs.map((name, i) => [name, () => tf.zeros(saved[i].shape)])),
});
/** The gradient of max and min goes to every element that equals the result, as in tfjs. */
const extreme: GradientRule = {
  save: ['x'],
  saveOutput: true,
  rule: (dy, [x, y], { reductionIndices }) => {
    const axes = tf.util.parseAxisParam(reductionIndices as number[], x.shape);
    return { x: () => tf.mul(spread(dy, x.shape, axes), float(tf.equal(x, spread(y, x.shape, axes)))) };
  },
};

const RULES: Record<string, GradientRule> = {
  // one argument
  Abs: elementwise((dy, x) => tf.mul(dy, tf.sign(x))),
  ClipByValue: elementwise((dy, x, { clipValueMin, clipValueMax }: { clipValueMin: number; clipValueMax: number }) =>
    tf.mul(dy, float(tf.logicalAnd(tf.greaterEqual(x, clipValueMin), tf.lessEqual(x, clipValueMax)))),
  ),
  Cos: elementwise((dy, x) => tf.neg(tf.mul(dy, tf.sin(x)))),
  Elu: byResult((dy, y) => tf.mul(dy, tf.add(tf.minimum(y, 0), 1))),
  Erf: elementwise((dy, x) => tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI)))),
  Exp: byResult((dy, y) => tf.mul(dy, y)),
  Expm1: elementwise((dy, x) => tf.mul(dy, tf.exp(x))),
  LeakyRelu: elementwise((dy, x, { alpha }: { alpha: number }) =>
    tf.mul(dy, tf.add(tf.mul(tf.step(x), 1 - alpha), alpha)),
  ),
  Log: elementwise((dy, x) => tf.div(dy, x)),
  Log1p: elementwise((dy, x) => tf.div(dy, tf.add(x, 1))),
  Neg: { rule: (dy) => ({ x: () => tf.neg(dy) }) },
  Reciprocal: byResult((dy, y) => tf.neg(tf.mul(dy, tf.square(y)))),
  Relu: elementwise((dy, x) => tf.mul(dy, tf.step(x))),
  Relu6: elementwise((dy, x) => tf.mul(dy, tf.mul(tf.step(x), float(tf.lessEqual(x, 6))))),
  Rsqrt: byResult((dy, y) => tf.mul(dy, tf.mul(tf.mul(tf.square(y), y), -0.5))),
  Sigmoid: byResult((dy, y) => tf.mul(dy, tf.mul(y, tf.sub(1, y)))),
  Sin: elementwise((dy, x) => tf.mul(dy, tf.cos(x))),
  Softplus: elementwise((dy, x) => tf.mul(dy, tf.sigmoid(x))),
  Sqrt: byResult((dy, y) => tf.div(dy, tf.mul(y, 2))),
  Square: elementwise((dy, x) => tf.mul(dy, tf.mul(x, 2))),
  Tanh: byResult((dy, y) => tf.mul(dy, tf.sub(1, tf.square(y)))),

  // two arguments, with broadcasting
  Add: binary(
    (dy) => dy,
    (dy) => dy,
  ),
  Sub: binary(
    (dy) => dy,
    (dy) => tf.neg(dy),
  ),
  Multiply: binary(
    (dy, _, b) => tf.mul(dy, b),
    (dy, a) => tf.mul(dy, a),
  ),
  RealDiv: binary(
    (dy, _, b) => tf.div(dy, b),
    (dy, a, b) => tf.neg(tf.div(tf.mul(dy, a), tf.square(b))),
  ),
  SquaredDifference: binary(
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(a, b), 2)),
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(b, a), 2)),
  ),
  Maximum: binary(
    (dy, a, b) => tf.mul(dy, float(tf.greaterEqual(a, b))),
    (dy, a, b) => tf.mul(dy, float(tf.less(a, b))),
  ),
  Minimum: binary(
    (dy, a, b) => tf.mul(dy, float(tf.lessEqual(a, b))),
    (dy, a, b) => tf.mul(dy, float(tf.greater(a, b))),
  ),
  Pow: binary(
    (dy, a, b) => tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))),
    (dy, a, b) =>
      tf.mul(
        dy,
        tf.where(tf.greater(a, 0), tf.mul(tf.pow(a, b), tf.log(tf.maximum(a, 1e-38))), tf.zerosLike(tf.mul(a, b))),
      ),
  ),
  AddN: { saveAllInputs: true, rule: (dy, saved) => Object.fromEntries(saved.map((_, i) => [i, () => tf.clone(dy)])) },
  Select: {
    save: ['condition'],
    rule: (dy, [condition]) => ({
      condition: () => tf.zeros(condition.shape),
      t: () => tf.mul(dy, float(condition)),
      e: () => tf.mul(dy, float(tf.logicalNot(condition))),
    }),
  },

  // derivative 0
  Sign: flat('x'),
  Step: flat('x'),
  Floor: flat('x'),
  Round: flat('x'),
  ZerosLike: flat('x'),
  OnesLike: flat('x'),
  Equal: flat('a', 'b'),
  NotEqual: flat('a', 'b'),
  Greater: flat('a', 'b'),
  GreaterEqual: flat('a', 'b'),
  Less: flat('a', 'b'),
  LessEqual: flat('a', 'b'),
  LogicalAnd: flat('a', 'b'),
  LogicalOr: flat('a', 'b'),
  LogicalNot: flat('x'),

  // shapes
  Identity: { rule: (dy) => ({ x: () => float(dy) }) },
  Cast: { rule: (dy) => ({ x: () => tf.clone(dy) }) },
  Reshape: { save: ['x'], rule: (dy, [x]) => ({ x: () => tf.reshape(dy, x.shape) }) },
  ExpandDims: { save: ['input'], rule: (dy, [input]) => ({ input: () => tf.reshape(dy, input.shape) }) },
  Transpose: {
    rule: (dy, _, { perm }) => {
      const order = perm as number[];
      return {
        x: () =>
          tf.transpose(
            dy,
            order.map((_, axis) => order.indexOf(axis)),
          ),
      };
    },
  },
  Reverse: { rule: (dy, _, { dims }) => ({ x: () => tf.reverse(dy, dims as number[]) }) },
  Slice: {
    save: ['x'],
    rule: (dy, [x], { begin, size }) => {
      const [start] = tf.slice_util.parseSliceParams(x, begin as number[], size as number[]);
      const pads = dy.shape.map((side, axis): [number, number] => [start[axis], x.shape[axis] - start[axis] - side]);
      return { x: () => tf.pad(dy, pads) };
    },
  },
  PadV2: {
    save: ['x'],
    rule: (dy, [x], { paddings }) => ({
      x: () =>
        tf.slice(
          dy,
          (paddings as number[][]).map(([before]) => before),
          x.shape,
        ),
    }),
  },
  Concat: {
    saveAllInputs: true,
    rule: (dy, saved, { axis }) => {
      const along = tf.util.parseAxisParam(axis as number, saved[0].shape)[0];
      let next = 0;
      return Object.fromEntries(
        saved.map(({ shape }, i) => {
          const start = shape.map((_, other) => (other === along ? next : 0));
          next += shape[along];
          return [i, () => tf.slice(dy, start, shape)];
        }),
      );
    },
  },
  // `dy`: one tensor for each output, of any rank
  SplitV: { rule: (dy, _, { axis }) => ({ x: () => tf.concat(dy as unknown as tf.Tensor[], axis as number) }) },
  Pack: {
    saveAllInputs: true,
    rule: (dy, saved, { axis }) => {
      const parts = tf.unstack(dy, axis as number);
      return Object.fromEntries(saved.map((_, i) => [i, () => parts[i]]));
    },
  },
  // `dy`: one tensor for each output, of any rank
  Unpack: { rule: (dy, _, { axis }) => ({ value: () => tf.stack(dy as unknown as tf.Tensor[], axis as number) }) },
  Tile: {
    save: ['x'],
    rule: (dy, [x], { reps }) => {
      // [r0, n0, r1, n1, …] summed over every r
      const split = x.shape.flatMap((side, axis) => [(reps as number[])[axis], side]);
      const axes = x.shape.map((_, axis) => 2 * axis);
      return { x: () => tf.reshape(tf.sum(tf.reshape(dy, split), axes), x.shape) };
    },
  },
  GatherV2: {
    save: ['x', 'indices'],
    rule: (dy, [x, indices], { axis, batchDims }) => ({
      x: () => {
        if (axis !== 0 || (batchDims as number) !== 0)
          throw new Error('gather: its gradient is implemented for axis 0 without batch dimensions only');
        const rows = tf.reshape(dy, [indices.size, ...x.shape.slice(1)]);
        return tf.unsortedSegmentSum(rows, tf.reshape(indices, [indices.size]) as tf.Tensor1D, x.shape[0]);
      },
      indices: () => tf.zeros(indices.shape),
    }),
  },

  // sums
  Sum: {
    save: ['x'],
    rule: (dy, [x], { axis }) => ({ x: () => spread(dy, x.shape, tf.util.parseAxisParam(axis as number[], x.shape)) }),
  },
  Mean: {
    save: ['x'],
    rule: (dy, [x], { axis }) => {
      const axes = tf.util.parseAxisParam(axis as number[], x.shape);
      const count = axes.reduce((size, along) => size * x.shape[along], 1);
      return { x: () => spread(tf.mul(dy, 1 / count), x.shape, axes) };
    },
  },
  Max: extreme,
  Min: extreme,
  Softmax: {
    saveOutput: true,
    rule: (dy, [y], { dim }) => ({
      logits: () => {
        const weighted = tf.mul(dy, y);
        return tf.sub(weighted, tf.mul(tf.sum(weighted, dim as number, true), y));
      },
    }),
  },

  // products
  BatchMatMul: {
    save: ['a', 'b'],
    rule: (dy, [a, b], { transposeA, transposeB }) => ({
      a: () => {
        const gradient = transposeA
          ? tf.matMul(b, dy, transposeB as boolean, true)
          : tf.matMul(dy, b, false, !transposeB);
        return sumTo(gradient, a.shape); // where one operand is shared by all batches
      },
      b: () => {
        const gradient = transposeB
          ? tf.matMul(dy, a, true, transposeA as boolean)
          : tf.matMul(a, dy, !transposeA, false);
        return sumTo(gradient, b.shape);
      },
    }),
  },
  Conv2D: {
    save: ['x', 'filter'],
    rule: (dy, [x, filter], { strides, pad, dataFormat, dimRoundingMode, dilations }) => {
      if (![dilations].flat().every((dilation) => dilation === 1 || dilation == null)) {
        throw new Error('conv2d: its gradient is implemented for dilation 1 only');
      }
      const attributes = { strides, pad, dataFormat, dimRoundingMode };
      return {
        x: () => run('Conv2DBackpropInput', { dy, filter }, { ...attributes, inputShape: x.shape }),
        filter: () => run('Conv2DBackpropFilter', { x, dy }, { ...attributes, filterShape: filter.shape }),
      };
    },
  },
  Conv2DBackpropInput: {
    save: ['dy', 'filter'],
    rule: (ddx, [dy, filter], { strides, pad, dataFormat, dimRoundingMode }) => {
      const attributes = { strides, pad, dataFormat, dimRoundingMode };
      return {
        dy: () => run('Conv2D', { x: ddx, filter }, { ...attributes, dilations: 1 }),
        filter: () => run('Conv2DBackpropFilter', { x: ddx, dy }, { ...attributes, filterShape: filter.shape }),
      };
    },
  },
  DepthwiseConv2dNative: {
    save: ['x', 'filter'],
    rule: (dy, [x, filter], { strides, pad, dimRoundingMode, dilations }) => {
      const attributes = { strides, pad, dimRoundingMode, dilations };
      return {
        x: () => run('DepthwiseConv2dNativeBackpropInput', { dy, filter }, { ...attributes, inputShape: x.shape }),
        filter: () =>
          run('DepthwiseConv2dNativeBackpropFilter', { x, dy }, { ...attributes, filterShape: filter.shape }),
      };
    },
  },
  MaxPool: {
    save: ['x'],
    saveOutput: true,
    rule: (dy, [x, y], { filterSize, strides, pad, dimRoundingMode }) => ({
      x: () => run('MaxPoolGrad', { dy, input: x, output: y }, { filterSize, strides, pad, dimRoundingMode }),
    }),
  },
  AvgPool: {
    save: ['x'],
    rule: (dy, [x], { filterSize, strides, pad }) => ({
      x: () => {
        type Pair = [number, number];
        const { padInfo } = tf.backend_util.computePool2DInfo(
          (x as tf.Tensor4D).shape,
          filterSize as Pair,
          strides as Pair,
          1,
          pad as 'valid',
          undefined,
        );
        // At a padded edge the gradient kernel divides by the whole window, the forward kernel by the window without
        // padding.
        if (padInfo.top + padInfo.bottom + padInfo.left + padInfo.right > 0) {
          throw new Error('avgPool: its gradient is implemented without padding only');
        }
        return run('AvgPoolGrad', { dy, input: x }, { filterSize, strides, pad });
      },
    }),
  },
  ResizeBilinear: {
    save: ['images'],
    rule: (dy, [images], attributes) => ({ images: () => run('ResizeBilinearGrad', { dy, images }, attributes) }),
  },
};

/** tfjs's names of the kernels whose gradients `registerGradients` adds. */
export const DIFFERENTIABLE_KERNELS: readonly string[] = Object.keys(RULES);

/**
 * Registers the gradients of tfjs ops that have none yet.
 *
 * `@tensorflow/tfjs-core` alone comes without gradients; `@tensorflow/tfjs`, and with it tfjs-node, adds its own. Those
 * stay, but for BatchMatMul, Maximum, Minimum and SquaredDifference, which throw for operands that broadcast.
 * `valueAndGradients` calls this; call it yourself before `tf.grad` or `tf.variableGrads`.
 *
 * Checked against finite differences.
 *
 * @example
 * registerGradients();
 * const slope = tf.grad((x) => tf.square(x))(tf.scalar(3)); // 6
 */
export function registerGradients(): void {
  for (const [kernelName, { save, saveOutput, saveAllInputs, rule }] of Object.entries(RULES)) {
    const present = tf.getGradient(kernelName);
    if (present != null && (own.has(present) || !WRONG_IN_TFJS.includes(kernelName))) continue;
    const gradient: tf.GradConfig = {
      kernelName,
      inputsToSave: save,
      saveAllInputs,
      outputsToSave: saveOutput ? [true] : undefined,
      gradFunc: (dy, saved, attributes) =>
        rule(dy as tf.Tensor, saved, attributes as unknown as Record<string, unknown>),
    };
    tf.registerGradient(gradient);
    own.add(gradient);
  }
}

/** Gradients of tfjs 4.22.0 that have the shape of the result, not of an input that was broadcast. */
const WRONG_IN_TFJS = ['BatchMatMul', 'Maximum', 'Minimum', 'SquaredDifference'];
const own = new WeakSet<tf.GradConfig>();
