import * as tf from '@tensorflow/tfjs-core';
import type { OnnxModel } from '../format/onnx-model';
import type { OnnxRuntime, OrtTensor } from '../runtime/load-onnxruntime';
import { readOnnx } from './read-onnx';
import { runOnnx } from './run-onnx';

/** What a fake runtime was asked. */
export type Asked = { models: unknown[]; settings: unknown[]; runs: number; released: number; running: number };

/**
 * onnxruntime's surface over `runOnnx`. Models are known by what they are created from; without `models` they are read
 * from their bytes.
 */
export function fakeOnnxRuntime(models?: Map<unknown, OnnxModel>): { ort: OnnxRuntime; asked: Asked } {
  const asked: Asked = { models: [], settings: [], runs: 0, released: 0, running: 0 };
  class Tensor {
    constructor(
      readonly type: 'float32',
      readonly data: Float32Array,
      readonly dims: number[],
    ) {}
  }
  const create = async (input: unknown, settings: unknown) => {
    asked.models.push(input);
    asked.settings.push(settings);
    const model = models ? models.get(input) : await readOnnx(input as Uint8Array);
    if (!model) throw new Error('not a model');
    return {
      inputNames: model.inputs.map(({ name }) => name),
      async run(feeds: Record<string, OrtTensor>) {
        asked.runs++;
        if (asked.running++ > 0) throw new Error('a second call while the first runs');
        await new Promise((done) => setTimeout(done, 1));
        asked.running--;
        const inputs = Object.fromEntries(
          Object.entries(feeds).map(([name, { data, dims }]) => [name, tf.tensor(data as Float32Array, [...dims])]),
        );
        const output = runOnnx(model, inputs);
        const result = new Tensor('float32', output.dataSync() as Float32Array, output.shape);
        tf.dispose([output, inputs]);
        return { [model.outputs[0].name]: result };
      },
      async release() {
        asked.released++;
      },
    };
  };
  const env = { versions: { node: '1.2.3' } };
  return { ort: { InferenceSession: { create: create as never }, Tensor, env }, asked };
}
