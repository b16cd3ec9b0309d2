import { stat } from 'node:fs/promises';
import type { OnnxInputs } from '@lipsync/onnx';
import { UsageError } from './command';

/** A path without `.onnx`, `.vision.onnx`, `.audio.onnx` and `.pair.onnx`. */
export function onnxStem(path: string): string {
  return path.replace(/(\.(vision|audio|pair))?\.onnx$/, '');
}

/**
 * The files of an exported expert by any of their names, or by the one that `lipsync export` was given with `.onnx` behind it.
 *
 * @throws UsageError that names the file that is missing.
 * @example
 * await findOnnxFiles('expert.onnx'); // { vision: 'expert.vision.onnx', audio: 'expert.audio.onnx' }
 */
export async function findOnnxFiles(path: string): Promise<OnnxInputs> {
  const stem = onnxStem(path);
  const there = async (part: string) => ((await stat(`${stem}.${part}.onnx`).catch(() => undefined)) ? `${stem}.${part}.onnx` : undefined);
  const [vision, audio, pair] = await Promise.all(['vision', 'audio', 'pair'].map(there));
  if (!vision || !audio) {
    const rule = `files of lipsync export, ${stem}.vision.onnx and ${stem}.audio.onnx`;
    throw new UsageError(`--weights must be ${rule}, got ${path} (${vision ? 'audio' : 'vision'} is missing)`);
  }
  return { vision, audio, ...(pair ? { pair } : {}) };
}
