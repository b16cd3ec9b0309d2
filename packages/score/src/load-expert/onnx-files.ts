import { stat } from 'node:fs/promises';
import { fail } from '@lipsync/contracts';
import type { OnnxInputs } from '@lipsync/onnx';

/** A path without `.onnx`, `.visual.onnx`, `.audio.onnx` and `.pair.onnx`, or the `.vision.onnx` of files that were exported before. */
export function onnxStem(path: string): string {
  return path.replace(/(\.(visual|vision|audio|pair))?\.onnx$/, '');
}

/**
 * The ONNX files of an exported expert by the path of any of them, or by their common path with `.onnx` behind it. The visual network's file may
 * be named `.vision.onnx`, as in earlier exports.
 *
 * @throws Error that names the file that is missing.
 * @example
 * await findOnnxFiles('expert.onnx'); // { visual: 'expert.visual.onnx', audio: 'expert.audio.onnx' }
 */
export async function findOnnxFiles(path: string): Promise<OnnxInputs> {
  const stem = onnxStem(path);
  const there = async (part: string) =>
    (await stat(`${stem}.${part}.onnx`).catch(() => undefined)) ? `${stem}.${part}.onnx` : undefined;
  const [visual = await there('vision'), audio, pair] = await Promise.all(['visual', 'audio', 'pair'].map(there));
  if (!visual || !audio) {
    const missing = `${path} (${visual ? 'audio' : 'visual'} is missing)`;
    fail(Error, 'loadExpert', 'source', `an exported pair, ${stem}.visual.onnx and ${stem}.audio.onnx`, missing);
  }
  return { visual, audio, ...(pair ? { pair } : {}) };
}
