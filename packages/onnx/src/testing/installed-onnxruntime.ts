import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { OnnxRuntime } from '../runtime/load-onnxruntime';

/** Where `scripts/check-onnx.mjs` puts onnxruntime-node, which is no dependency. */
const folder =
  process.env.LIPSYNC_ONNXRUNTIME ??
  fileURLToPath(new URL('../../../../node_modules/.cache/lipsync-onnxruntime', import.meta.url));

/** onnxruntime-node where it was fetched for the checks; tests skip visibly where it is undefined. */
export function installedOnnxRuntime(): OnnxRuntime | undefined {
  try {
    return createRequire(`${folder}/package.json`)('onnxruntime-node') as OnnxRuntime;
  } catch {
    return undefined;
  }
}
