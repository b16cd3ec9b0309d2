import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { exportOnnx, type OnnxPart } from '@lipsync/onnx';
import { loadExpert, onnxStem } from '@lipsync/score';
import { choice, createCommand, UsageError } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import {
  backendOption,
  configOption,
  jsonOption,
  prefixOption,
  recipeOption,
  startBackend,
  threadsOption,
  verboseOption,
} from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { loadOptions } from '../terminal/read-files';
import { PRETRAINED, resolveWeights } from './fetch-weights';

/** `lipsync export`. */
export function exportCommand() {
  return createCommand(
    'export',
    'Writes a sync network as ONNX: OUT.visual.onnx, OUT.audio.onnx and, for DINet’s, OUT.pair.onnx. lipsync score --weights OUT.onnx runs them.',
  )
    .argument('<out>', 'path of the files without .visual.onnx')
    .option(
      '--weights <file>',
      'weights of the network: AVAlignNet, SyncNet, Wav2Lip’s, LatentSync’s or DINet’s (safetensors or PyTorch), or those that are ' +
        'installed with the command',
      PRETRAINED,
    )
    .addOption(recipeOption())
    .addOption(configOption())
    .addOption(prefixOption())
    .addOption(
      choice(
        '--dtype <name>',
        'type of the stored weights; f16: half the bytes, embeddings move by about 0.001 of the largest value',
        ['f32', 'f16'],
      ).default('f32' as const),
    )
    .option('--force', 'overwrite OUT')
    .addOption(jsonOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['recipe'],
        examples: ['export onnx/expert', 'export onnx/mine --weights run/weights.safetensors --dtype f16'],
      }),
    )
    .action(async (out, options) => {
      const weights = await resolveWeights(options.weights);
      const loading = await loadOptions(options);
      await startBackend(options);
      const expert = await loadExpert(weights, loading);
      try {
        const written = await exportExpert(expert, resolve(out), options);
        for (const { path, bytes } of written.files) log(`${path}: ${(bytes / 1e6).toFixed(1)} MB`);
        if (options.json) printJson(written);
      } finally {
        expert.dispose();
      }
    });
}

/** What `exportExpert` wrote. */
export type WrittenExport = {
  expert: string;
  dtype: 'f32' | 'f16';
  files: { part: OnnxPart; path: string; bytes: number }[];
};

/**
 * Writes the ONNX files of an expert; each appears only when complete.
 *
 * @param out path without its ending; a trailing `.onnx` is removed.
 * @throws UsageError where a file exists, unless `force`.
 */
export async function exportExpert(
  expert: SyncExpert,
  out: string,
  { dtype = 'f32', force = false }: { dtype?: 'f32' | 'f16'; force?: boolean } = {},
): Promise<WrittenExport> {
  const stem = onnxStem(out);
  const pathOf = (part: string) => `${stem}.${part}.onnx`;
  for (const part of expert.pairDistances ? ['visual', 'audio', 'pair'] : ['visual', 'audio']) {
    const there = await stat(pathOf(part)).catch(() => undefined);
    if (there && !force) throw new UsageError(`OUT must be new (or give --force), got ${out}: ${pathOf(part)} exists`);
  }
  await mkdir(dirname(stem), { recursive: true });
  const files: WrittenExport['files'] = [];
  for (const [part, pieces] of Object.entries(await exportOnnx(expert, { float16: dtype === 'f16' }))) {
    await writeFileAtomic(pathOf(part), pieces);
    files.push({
      part: part as OnnxPart,
      path: pathOf(part),
      bytes: pieces.reduce((sum, { length }) => sum + length, 0),
    });
  }
  return { expert: expert.name, dtype, files };
}
