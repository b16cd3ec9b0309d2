import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { exportOnnx, type OnnxPart } from '@lipsync/onnx';
import { onnxStem } from '@lipsync/score';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { BACKEND_OPTIONS, readExpert, say, startBackend } from '../terminal/setup';
import { resolveWeights } from './fetch-weights';

export const EXPORT: CommandSpec = {
  name: 'export',
  positionals: '--weights FILE OUT',
  summary:
    'Writes an expert as ONNX: OUT.visual.onnx, OUT.audio.onnx and, for DINet’s, OUT.pair.onnx. lipsync score --weights OUT.onnx runs them.',
  options: {
    weights: {
      kind: 'text',
      value: 'FILE',
      help: 'weights of the expert: AVAlignNet, SyncNet, Wav2Lip’s, LatentSync’s, DINet’s (safetensors or PyTorch)',
    },
    recipe: { kind: 'text', value: 'FILE', help: 'recipe of the expert (JSON), where its file has none' },
    config: { kind: 'text', value: 'NAME', help: 'configuration of AVAlignNet, where its file has none' },
    float16: {
      kind: 'flag',
      help: 'stores weights as float16: half the bytes, embeddings move by about 0.001 of the largest number',
    },
    force: { kind: 'flag', help: 'writes over OUT' },
    json: { kind: 'flag', help: 'prints what was written as JSON' },
    ...BACKEND_OPTIONS,
  },
};

export async function runExport({ positionals, values }: ParsedCommand): Promise<void> {
  if (values.weights === undefined) throw new UsageError('lipsync export: --weights must be a weights file, got none');
  if (positionals.length !== 1) throw new UsageError(`lipsync export: OUT must be one path, got ${positionals.length}`);
  await startBackend(values);
  const weights = await resolveWeights(values.weights as string);
  const expert = await readExpert(weights, {
    recipe: values.recipe as string | undefined,
    config: values.config as string | undefined,
  });
  try {
    const written = await exportExpert(expert, resolve(positionals[0]), {
      float16: values.float16 === true,
      force: values.force === true,
    });
    for (const { path, bytes } of written.files) say(`${path}: ${(bytes / 1e6).toFixed(1)} MB`);
    if (values.json) process.stdout.write(`${JSON.stringify(written, null, 2)}\n`);
  } finally {
    expert.dispose();
  }
}

/** What `exportExpert` wrote. */
export type WrittenExport = {
  expert: string;
  float16: boolean;
  files: { part: OnnxPart; path: string; bytes: number }[];
};

/**
 * Writes an expert's ONNX files, each whole or not at all.
 *
 * @param out path without its ending; `.onnx` behind it is taken off.
 * @throws UsageError where a file is there already, unless `force`.
 */
export async function exportExpert(
  expert: SyncExpert,
  out: string,
  { float16 = false, force = false }: { float16?: boolean; force?: boolean } = {},
): Promise<WrittenExport> {
  const stem = onnxStem(out);
  const pathOf = (part: string) => `${stem}.${part}.onnx`;
  for (const part of expert.pairDistances ? ['visual', 'audio', 'pair'] : ['visual', 'audio']) {
    const there = await stat(pathOf(part)).catch(() => undefined);
    if (there && !force)
      throw new UsageError(`lipsync export: OUT must be new (or give --force), got ${out}: ${pathOf(part)} is there`);
  }
  await mkdir(dirname(stem), { recursive: true });
  const files: WrittenExport['files'] = [];
  for (const [part, pieces] of Object.entries(await exportOnnx(expert, { float16 }))) {
    await writeFileAtomic(pathOf(part), pieces);
    files.push({
      part: part as OnnxPart,
      path: pathOf(part),
      bytes: pieces.reduce((sum, { length }) => sum + length, 0),
    });
  }
  return { expert: expert.name, float16, files };
}
