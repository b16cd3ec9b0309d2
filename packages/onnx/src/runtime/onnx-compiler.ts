import type { CompiledNetwork, CompileNetwork } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { onnxModelBytes } from '../format/onnx-model';
import { traceModel } from '../graph/trace-model';
import { loadOnnxRuntime, type OrtTensor } from './load-onnxruntime';
import { type OnnxRunOptions, openSession } from './open-session';

/**
 * A compiler of forward passes for onnxruntime: each is traced as `exportOnnx` traces, and its model runs from memory.
 *
 * @returns the compiler. What it compiles holds a session and nothing of the network: the network's own weights may be
 * freed. Errors of onnxruntime are thrown by `run`; runs of one network follow one another.
 * @throws (the compiler) Error where onnxruntime is not installed, with what to install, or where the pass has an
 * operation without ONNX counterpart.
 * @example
 * import { onnxCompiler } from '@lipsync/onnx';
 * const compile = onnxCompiler({ threads: 1 });
 * const network = await compile((images) => [net.forward(images)], [112, 112, 3]);
 * const [points] = await network.run(pixels, 2); // of two images
 * network.dispose();
 */
export function onnxCompiler(options: OnnxRunOptions = {}): CompileNetwork {
  return async (forward, shape): Promise<CompiledNetwork> => {
    const ort = options.ort ?? (await loadOnnxRuntime());
    const sizes: number[] = [];
    // A model has one output here: all of them in a row.
    const inOne = (input: tf.Tensor) => {
      const [batch] = input.shape;
      const rows = forward(input).map((output) => tf.reshape<tf.Rank.R2>(output, [batch, -1]));
      sizes.splice(0, sizes.length, ...rows.map((row) => row.shape[1]));
      return rows.length === 1 ? rows[0] : tf.concat(rows, 1);
    };
    const model = await traceModel({ inputs: { input: shape }, output: 'output', forward: inOne });
    const session = await openSession(ort, onnxModelBytes({ ...model, name: 'forward', metadata: {} }), options);
    let last: Promise<unknown> = Promise.resolve();
    let disposed = false;
    const runOnce = async (input: Float32Array, batch: number): Promise<Float32Array[]> => {
      const feeds = { input: new ort.Tensor('float32', input, [batch, ...shape]) as OrtTensor };
      const { output } = await session.run(feeds);
      return columns(output.data as Float32Array, sizes);
    };
    return {
      run(input, batch) {
        const result = last.then(() => runOnce(input, batch));
        last = result.catch(() => {});
        return result;
      },
      dispose() {
        if (disposed) return;
        disposed = true;
        void last.then(() => session.release()).catch(() => {});
      },
    };
  };
}

/** Rows of several outputs side by side, as one array for each output. */
function columns(rows: Float32Array, sizes: readonly number[]): Float32Array[] {
  if (sizes.length === 1) return [rows];
  const width = sizes.reduce((sum, size) => sum + size, 0);
  const batch = rows.length / width;
  let left = 0;
  return sizes.map((size) => {
    const output = new Float32Array(batch * size);
    for (let row = 0; row < batch; row++)
      output.set(rows.subarray(row * width + left, row * width + left + size), row * size);
    left += size;
    return output;
  });
}
