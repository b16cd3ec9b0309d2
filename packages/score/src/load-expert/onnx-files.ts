import { fail, nodeModule } from '@lipsync/contracts';
import type { OnnxInputs } from '@lipsync/onnx';

/**
 * A path without `.onnx`, `.visual.onnx`, `.audio.onnx` and `.pair.onnx` (or `.vision.onnx`, as earlier exports are
 * named).
 *
 * @example
 * onnxStem('expert.audio.onnx'); // expert
 */
export function onnxStem(path: string): string {
  return path.replace(/(\.(visual|vision|audio|pair))?\.onnx$/, '');
}

/**
 * The ONNX files of an exported expert by the path of any of them, or by their common path followed by `.onnx`. Node
 * only.
 *
 * @throws Error that names the file that is missing.
 * @example
 * await findOnnxFiles('expert.onnx'); // { visual: 'expert.visual.onnx', audio: 'expert.audio.onnx' }
 */
export async function findOnnxFiles(path: string): Promise<OnnxInputs> {
  const { stat } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  const stem = onnxStem(path);
  const find = async (...parts: string[]) => {
    for (const part of parts) {
      const file = `${stem}.${part}.onnx`;
      if (await stat(file).catch(() => undefined)) return file;
    }
    return undefined;
  };
  const [visual, audio, pair] = await Promise.all([find('visual', 'vision'), find('audio'), find('pair')]);
  if (!visual || !audio) {
    const missing = `${path} (${visual ? 'audio' : 'visual'} is missing)`;
    fail(Error, 'loadExpert', 'source', `an exported pair, ${stem}.visual.onnx and ${stem}.audio.onnx`, missing);
  }
  return { visual, audio, ...(pair ? { pair } : {}) };
}
