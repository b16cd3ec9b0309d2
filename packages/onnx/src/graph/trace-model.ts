import type * as tf from '@tensorflow/tfjs-core';
import type { OnnxModel } from '../format/onnx-model';
import { type Constant, foldConstants } from './fold-constants';
import { fuseAffine } from './fuse-affine';
import { lowerTrace } from './lower-trace';
import { traceForward } from './trace-forward';

/** A forward pass and the names of its model. */
export type ForwardPass = {
  /** Shapes of the inputs by name, without the batch. */
  inputs: Readonly<Record<string, readonly number[]>>;
  /** Name of the output. */
  output: string;
  /** All tensors `[batch, …]`. */
  forward: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** The name of a weight; undefined: a made-up one. */
  nameOf?: (constant: Constant) => string | undefined;
};

/**
 * A forward pass as a model's graph, its batch free.
 *
 * @throws as `exportOnnx`.
 */
export async function traceModel({
  inputs,
  output,
  forward,
  nameOf,
}: ForwardPass): Promise<Omit<OnnxModel, 'name' | 'metadata'>> {
  const trace = fuseAffine(await foldConstants(traceForward(forward, Object.values(inputs))));
  const { nodes, initializers } = lowerTrace(trace, { inputs: Object.keys(inputs), output, nameOf });
  return {
    nodes,
    initializers,
    inputs: Object.entries(inputs).map(([name, shape]) => ({ name, shape: ['batch', ...shape] })),
    outputs: [{ name: output, shape: ['batch', ...trace.values[trace.output].shape.slice(1)] }],
  };
}
