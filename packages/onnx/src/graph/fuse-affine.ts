import type { Constant, FoldedTrace } from './fold-constants';
import type { TracedOp } from './trace-forward';

/** A bias, or a scale and a bias, for each channel of a convolution's or product's result, folded into its weights. */
export type Affine = { scale?: Float32Array; bias: Float32Array };

/**
 * A trace without the calls that were folded into the call before them; `affine` and `padded` by the number of that
 * call's result.
 */
export type FusedTrace = FoldedTrace & { affine: Map<number, Affine>; padded: Map<number, [number, number][]> };

/**
 * Folds into each convolution and matrix product the per-channel operations that follow it: its bias, and a BatchNorm's
 * subtraction, scale and shift. A convolution also absorbs zero padding of its input.
 *
 * Only values with one user are folded, so that no value is lost that another operation needs.
 */
export function fuseAffine(trace: FoldedTrace): FusedTrace {
  const fusion = new Fusion(trace);
  for (const op of trace.ops) if (isIdentity(op, trace)) fusion.replace(op, op.list[0]);
  for (const op of trace.ops) {
    const weights = weightsOf(op, trace);
    if (isZeroPadding(op)) fusion.absorbPadding(op);
    else if (trace.constants.has(weights)) fusion.absorbAffine(op);
  }
  return fusion.result();
}

const CONVOLUTIONS = ['Conv2D', 'DepthwiseConv2dNative'];

/** What has been folded so far. */
class Fusion {
  readonly #trace: FoldedTrace;
  readonly #users = new Map<number, TracedOp[]>();
  readonly #gone = new Set<TracedOp>();
  /** Results that are another value now. */
  readonly #replaced = new Map<number, number>();
  readonly #affine = new Map<number, Affine>();
  readonly #padded = new Map<number, [number, number][]>();

  constructor(trace: FoldedTrace) {
    this.#trace = trace;
    for (const op of trace.ops)
      for (const number of new Set(op.list)) this.#users.set(number, [...(this.#users.get(number) ?? []), op]);
  }

  /** Drops a call whose result becomes another value. */
  replace(op: TracedOp, value: number): void {
    this.#gone.add(op);
    this.#replaced.set(op.outputs[0], value);
  }

  /** Folds padding into the convolution that alone uses it. */
  absorbPadding(op: TracedOp): void {
    const user = this.#onlyUser(op.outputs[0]);
    const paddings = op.attributes.paddings as [number, number][];
    const spatial = paddings.every(([before, behind], axis) => (axis > 0 && axis < 3) || before + behind === 0);
    if (!user || !CONVOLUTIONS.includes(user.kernel) || user.inputs.x !== op.outputs[0] || !spatial) return;
    this.replace(op, op.inputs.x);
    this.#padded.set(user.outputs[0], paddings.slice(1, 3));
  }

  /** Folds the operations after a convolution or product into its weights, as far as they are per channel. */
  absorbAffine(op: TracedOp): void {
    const channels = this.#shapeOf(op.outputs[0]).at(-1) as number;
    const sum: Accumulated = { scale: new Float64Array(channels).fill(1), bias: new Float64Array(channels) };
    let [scaled, touched] = [false, false];
    for (let at = op.outputs[0]; ; ) {
      const next = this.#onlyUser(at);
      if (!next) break;
      if (this.#gone.has(next) || this.#keepsChannels(next, at, channels)) {
        at = next.outputs[0];
        continue;
      }
      const other = this.#trace.constants.get(next.inputs.a === at ? next.inputs.b : next.inputs.a);
      const constant = perChannel(other, channels, this.#shapeOf(at).length);
      const known = ['Add', 'Multiply', 'Sub', 'RealDiv'].includes(next.kernel);
      if (!constant || !known || (next.inputs.b === at && (next.kernel === 'Sub' || next.kernel === 'RealDiv'))) break;
      if (accumulate(sum, next.kernel, constant)) scaled = true;
      touched = true;
      this.replace(next, at);
      at = next.outputs[0];
    }
    if (!touched) return;
    const scale = scaled ? { scale: Float32Array.from(sum.scale) } : {};
    this.#affine.set(op.outputs[0], { ...scale, bias: Float32Array.from(sum.bias) });
  }

  result(): FusedTrace {
    const resolve = (number: number): number => {
      const value = this.#replaced.get(number);
      return value === undefined ? number : resolve(value);
    };
    const ops = this.#trace.ops
      .filter((op) => !this.#gone.has(op))
      .map((op) => ({
        ...op,
        list: op.list.map(resolve),
        inputs: Object.fromEntries(Object.entries(op.inputs).map(([name, number]) => [name, resolve(number)])),
      }));
    return {
      ...this.#trace,
      ops,
      output: resolve(this.#trace.output),
      affine: this.#affine,
      padded: this.#padded,
    };
  }

  #onlyUser(number: number): TracedOp | undefined {
    const users = this.#users.get(number);
    return number === this.#trace.output || users?.length !== 1 ? undefined : users[0];
  }

  #shapeOf(number: number): readonly number[] {
    return this.#trace.values[number].shape;
  }

  /** Whether a call only reshapes a value, with the same batch and channels. */
  #keepsChannels(op: TracedOp, value: number, channels: number): boolean {
    const shape = this.#shapeOf(op.outputs[0]);
    return op.kernel === 'Reshape' && shape.at(-1) === channels && shape[0] === this.#shapeOf(value)[0];
  }
}

/** `scale · x + bias` by channel, so far. */
type Accumulated = { scale: Float64Array; bias: Float64Array };

/** Applies one more operation; whether it scales. */
function accumulate({ scale, bias }: Accumulated, kernel: string, constant: Float32Array): boolean {
  for (let c = 0; c < bias.length; c++) {
    const value = constant[constant.length === 1 ? 0 : c];
    if (kernel === 'Add') bias[c] += value;
    else if (kernel === 'Sub') bias[c] -= value;
    else {
      const factor = kernel === 'Multiply' ? value : 1 / value;
      bias[c] *= factor;
      scale[c] *= factor;
    }
  }
  return kernel === 'Multiply' || kernel === 'RealDiv';
}

const isZeroPadding = ({ kernel, attributes }: TracedOp) => kernel === 'PadV2' && (attributes.constantValue ?? 0) === 0;

/** The number of a convolution's or matrix product's weights; -1 for other calls. */
function weightsOf({ kernel, inputs, outputs }: TracedOp, { values }: FoldedTrace): number {
  if (CONVOLUTIONS.includes(kernel)) return inputs.filter;
  return kernel === 'BatchMatMul' && values[outputs[0]].shape.length === 2 ? inputs.b : -1;
}

function isIdentity({ kernel, list, outputs }: TracedOp, { values }: FoldedTrace): boolean {
  if (kernel === 'Identity') return true;
  if (kernel === 'Cast') return values[list[0]].dtype === values[outputs[0]].dtype;
  return kernel === 'Reshape' && `${values[list[0]].shape}` === `${values[outputs[0]].shape}`;
}

/** A constant that is one value for all channels or one per channel; undefined where it is neither. */
function perChannel(constant: Constant | undefined, channels: number, rank: number): Float32Array | undefined {
  if (!constant || constant.shape.length > rank) return undefined;
  const { data, shape } = constant;
  return data.length === 1 || (data.length === channels && shape.at(-1) === channels) ? data : undefined;
}
