import type { SyncExpert } from '@lipsync/contracts/tensors';
import { onnxModels } from '../export-onnx';
import { onnxModelBytes } from '../format/onnx-model';
import { createOnnxExpert, type OnnxExpert } from './onnx-expert';
import type { OnnxRunOptions } from './open-session';

/**
 * An expert of TensorFlow.js operations, run in onnxruntime: exported as `exportOnnx` does, but in memory.
 *
 * @param expert borrowed, in evaluation mode; it may be disposed afterwards.
 * @returns the expert in onnxruntime, which describes itself as the one that was given; the caller disposes it.
 * @throws what `exportOnnx` and `createOnnxExpert` throw.
 * @example
 * import { runInOnnxRuntime } from '@lipsync/onnx';
 * const fast = await runInOnnxRuntime(expert, { threads: 2 });
 * expert.dispose();
 */
export async function runInOnnxRuntime(expert: SyncExpert, options: OnnxRunOptions = {}): Promise<OnnxExpert> {
  const { visual, audio, pair } = await onnxModels(expert);
  return createOnnxExpert({
    visual: onnxModelBytes(visual),
    audio: onnxModelBytes(audio),
    ...(pair ? { pair: onnxModelBytes(pair) } : {}),
    info: expert,
    ...options,
  });
}
