import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { Trace, TracedOp } from './trace-forward';

/** Values that do not depend on the inputs. */
export type Constant = {
  shape: number[];
  data: Float32Array;
  /** The network's weight, of this shape, where the constant is one unchanged. */
  tensor?: tf.Tensor;
};

/** A trace reduced to calls that depend on the inputs, and the constants among their arguments, by number. */
export type FoldedTrace = Trace & { constants: Map<number, Constant> };

/**
 * Computes what depends on weights alone, such as the scale of a BatchNorm, on the current backend, and reads the
 * results back.
 *
 * Calls with unused results are dropped.
 */
export async function foldConstants(trace: Trace): Promise<FoldedTrace> {
  const used = usedOps(trace);
  const varying = new Set(trace.inputs);
  const ops: TracedOp[] = [];
  const early: TracedOp[] = [];
  for (const op of used) {
    const depends = op.list.some((number) => varying.has(number));
    (depends ? ops : early).push(op);
    if (depends) for (const number of op.outputs) varying.add(number);
  }
  const wanted = new Set([...ops.flatMap(({ list }) => list), trace.output].filter((number) => !varying.has(number)));
  const batched = [...wanted].find((number) =>
    trace.values[number].shape.some((side) => side >= trace.batch && side % trace.batch === 0),
  );
  if (batched !== undefined) {
    fail(
      TypeError,
      'exportOnnx',
      'the network',
      'one whose constants do not grow with the batch',
      trace.values[batched].shape,
    );
  }
  const tensors = tf.tidy(() => {
    const known = new Map<number, tf.Tensor>();
    // The value of that number, of the rank it was traced with.
    const tensorOf = (number: number): tf.Tensor => {
      const { tensor, literal, shape, dtype } = trace.values[number];
      const found = known.get(number) ?? tensor ?? tf.tensor(literal as tf.TypedArray, shape, dtype as 'float32');
      known.set(number, found);
      return found;
    };
    for (const { kernel, inputs, list, attributes, outputs } of early) {
      const named =
        Object.keys(inputs).length > 0
          ? Object.fromEntries(Object.entries(inputs).map(([name, number]) => [name, tensorOf(number)]))
          : list.map(tensorOf);
      const results = tf.engine().runKernel(kernel, named as tf.NamedTensorMap, attributes as tf.NamedAttrMap) as
        | tf.Tensor
        | tf.Tensor[];
      [results].flat().forEach((result, i) => known.set(outputs[i], result));
    }
    return [...wanted].map((number) => [number, tf.keep(tf.clone(tensorOf(number)))] as const);
  });
  const constants = new Map<number, Constant>();
  try {
    for (const [number, tensor] of tensors) {
      const data = Float32Array.from(await tensor.data());
      constants.set(number, { shape: [...tensor.shape], data, tensor: trace.values[number].tensor });
    }
  } finally {
    for (const [, tensor] of tensors) tensor.dispose();
  }
  return { ...trace, ops, constants };
}

/** The calls on which the output depends, in order. */
function usedOps(trace: Trace): TracedOp[] {
  const needed = new Set([trace.output]);
  const kept: TracedOp[] = [];
  for (const op of [...trace.ops].reverse()) {
    if (!op.outputs.some((number) => needed.has(number))) continue;
    kept.push(op);
    for (const number of op.list) needed.add(number);
  }
  return kept.reverse();
}
