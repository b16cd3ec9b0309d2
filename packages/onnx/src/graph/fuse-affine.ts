import type { Constant, FoldedTrace } from './fold-constants';
import type { TracedOp } from './trace-forward';

/** A bias, or a scale and a shift, of a convolution's or product's results, one number a channel: taken into its weights. */
export type Affine = { scale?: Float32Array; bias: Float32Array };

/** A trace without the calls that became part of the call before them; `affine` by the number of that call's result. */
export type FusedTrace = FoldedTrace & { affine: Map<number, Affine>; padded: Map<number, [number, number][]> };

/**
 * Takes into each convolution and matrix product what follows it a channel: its bias, and a BatchNorm's subtraction, scale and shift. A
 * convolution also takes over zeros that were put around its input.
 *
 * Only what has one user is taken, so that no number is lost that something else needs.
 */
export function fuseAffine(trace: FoldedTrace): FusedTrace {
  const users = new Map<number, TracedOp[]>();
  for (const op of trace.ops)
    for (const number of new Set(op.list)) users.set(number, [...(users.get(number) ?? []), op]);
  const onlyUser = (number: number): TracedOp | undefined =>
    number === trace.output || users.get(number)?.length !== 1 ? undefined : users.get(number)?.[0];
  const gone = new Set<TracedOp>();
  /** Results that are another value now. */
  const stands = new Map<number, number>();
  const affine = new Map<number, Affine>();
  const padded = new Map<number, [number, number][]>();
  const shapeOf = (number: number) => trace.values[number].shape;

  for (const op of trace.ops) {
    if (isIdentity(op, trace)) {
      gone.add(op);
      stands.set(op.outputs[0], op.list[0]);
    }
  }
  for (const op of trace.ops) {
    if (op.kernel === 'PadV2' && (op.attributes.constantValue ?? 0) === 0) {
      const user = onlyUser(op.outputs[0]);
      const paddings = op.attributes.paddings as [number, number][];
      const spatial = paddings.every(([before, behind], axis) => (axis > 0 && axis < 3) || before + behind === 0);
      if (user?.kernel !== 'Conv2D' || user.inputs.x !== op.outputs[0] || !spatial) continue;
      gone.add(op);
      stands.set(op.outputs[0], op.inputs.x);
      padded.set(user.outputs[0], paddings.slice(1, 3));
    }
    const weights =
      op.kernel === 'Conv2D'
        ? op.inputs.filter
        : op.kernel === 'BatchMatMul' && shapeOf(op.outputs[0]).length === 2
          ? op.inputs.b
          : -1;
    if (!trace.constants.has(weights)) continue;
    const channels = shapeOf(op.outputs[0]).at(-1) as number;
    const sum = { scale: new Float64Array(channels).fill(1), bias: new Float64Array(channels) };
    let scaled = false;
    let touched = false;
    for (let at = op.outputs[0]; ; ) {
      const next = onlyUser(at);
      if (!next) break;
      if (
        gone.has(next) ||
        (next.kernel === 'Reshape' &&
          shapeOf(next.outputs[0]).at(-1) === channels &&
          shapeOf(next.outputs[0])[0] === shapeOf(at)[0])
      ) {
        at = next.outputs[0];
        continue;
      }
      const constant = perChannel(
        trace.constants.get(next.inputs.a === at ? next.inputs.b : next.inputs.a),
        channels,
        shapeOf(at).length,
      );
      const known = ['Add', 'Multiply', 'Sub', 'RealDiv'].includes(next.kernel);
      if (!constant || !known || (next.inputs.b === at && (next.kernel === 'Sub' || next.kernel === 'RealDiv'))) break;
      for (let c = 0; c < channels; c++) {
        const number = constant[constant.length === 1 ? 0 : c];
        if (next.kernel === 'Add') sum.bias[c] += number;
        else if (next.kernel === 'Sub') sum.bias[c] -= number;
        else {
          const factor = next.kernel === 'Multiply' ? number : 1 / number;
          sum.bias[c] *= factor;
          sum.scale[c] *= factor;
          scaled = true;
        }
      }
      touched = true;
      gone.add(next);
      stands.set(next.outputs[0], at);
      at = next.outputs[0];
    }
    if (touched)
      affine.set(op.outputs[0], {
        ...(scaled ? { scale: Float32Array.from(sum.scale) } : {}),
        bias: Float32Array.from(sum.bias),
      });
  }
  const resolve = (number: number): number => (stands.has(number) ? resolve(stands.get(number) as number) : number);
  const ops = trace.ops
    .filter((op) => !gone.has(op))
    .map((op) => ({
      ...op,
      list: op.list.map(resolve),
      inputs: Object.fromEntries(Object.entries(op.inputs).map(([name, number]) => [name, resolve(number)])),
    }));
  return { ...trace, ops, output: resolve(trace.output), affine, padded };
}

function isIdentity({ kernel, list, outputs }: TracedOp, { values }: FoldedTrace): boolean {
  if (kernel === 'Identity') return true;
  if (kernel === 'Cast') return values[list[0]].dtype === values[outputs[0]].dtype;
  return kernel === 'Reshape' && `${values[list[0]].shape}` === `${values[outputs[0]].shape}`;
}

/** A constant as one number for all or one a channel; undefined where it is neither. */
function perChannel(constant: Constant | undefined, channels: number, rank: number): Float32Array | undefined {
  if (!constant || constant.shape.length > rank) return undefined;
  const { data, shape } = constant;
  return data.length === 1 || (data.length === channels && shape.at(-1) === channels) ? data : undefined;
}
