import { stat } from 'node:fs/promises';
import { fail } from '@lipsync/contracts';
import type { OnnxInputs } from '@lipsync/onnx';

/** A path without `.onnx`, `.vision.onnx`, `.audio.onnx` and `.pair.onnx`. */
export function onnxStem(path: string): string {
  return path.replace(/(\.(vision|audio|pair))?\.onnx$/, '');
}

/**
 * The ONNX files of an exported expert by the path of any of them, or by their common path with `.onnx` behind it.
 *
 * @throws Error that names the file that is missing.
 * @example
 * await findOnnxFiles('expert.onnx'); // { vision: 'expert.vision.onnx', audio: 'expert.audio.onnx' }
 */
export async function findOnnxFiles(path: string): Promise<OnnxInputs> {
  const stem = onnxStem(path);
  const there = async (part: string) =>
    (await stat(`${stem}.${part}.onnx`).catch(() => undefined)) ? `${stem}.${part}.onnx` : undefined;
  const [visual, audio, pair] = await Promise.all(['visual', 'audio', 'pair'].map(there));
  if (!visual || !audio) {
    const missing = `${path} (${visual ? 'audio' : 'visual'} is missing)`;
    fail(Error, 'loadExpert', 'source', `an exported pair, ${stem}.vision.onnx and ${stem}.audio.onnx`, missing);
  }
  return { visual, audio, ...(pair ? { pair } : {}) };
}
