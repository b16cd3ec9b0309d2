import type * as tf from '@tensorflow/tfjs-core';

/** A network that another engine than TensorFlow.js runs, from arrays to arrays. */
export type CompiledNetwork = {
  /**
   * @param input `[batch, …]`, borrowed.
   * @returns each output, its rows by batch; the caller's.
   */
  run(input: Float32Array, batch: number): Promise<Float32Array[]>;
  /** Frees the network after the running calls. Safe to call twice. */
  dispose(): void;
};

/**
 * Compiles a forward pass for another engine, such as `onnxCompiler` of `@lipsync/onnx` for onnxruntime.
 *
 * The pass takes `[batch, ...shape]` and returns its outputs, of any rank; it must be made of TensorFlow.js operations
 * that the engine knows, and give the same for each row of a batch.
 *
 * @throws what the engine throws, such as Error for an operation that it does not know.
 */
export type CompileNetwork = (
  forward: (input: tf.Tensor) => readonly tf.Tensor[],
  shape: readonly number[],
) => Promise<CompiledNetwork>;
