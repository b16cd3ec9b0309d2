import { stat } from 'node:fs/promises';
import {
  type Checkpoint,
  type FloatDtype,
  openCheckpoint,
  stateDictNames,
  writeSafetensorsFile,
} from '@lipsync/checkpoints';
import { UsageError } from '../terminal/command';
import { inspectWeights } from './inspect-weights';

/** Element types of floats in the written file; `keep`: as in the source. */
export const DTYPES = {
  f32: 'float32',
  f16: 'float16',
  bf16: 'bfloat16',
  keep: undefined,
} as const satisfies Record<string, FloatDtype | undefined>;

/** Writes the state dict of a file as safetensors, tensor by tensor, with the recipe of the network where it is a published one. */
export async function convertWeights(
  path: string,
  out: string,
  { prefix, dtype = 'keep', force = false }: { prefix?: string; dtype?: keyof typeof DTYPES; force?: boolean } = {},
): Promise<{ tensors: number; bytesBefore: number; bytes: number; out: string }> {
  if (!out.endsWith('.safetensors')) throw new UsageError(`OUT must end in .safetensors, got ${out}`);
  if (!force && (await stat(out).catch(() => undefined)))
    throw new UsageError(`OUT must be a new file (or give --force), got ${out}`);
  const { network, recipe, metadata } = await inspectWeights(path, prefix);
  const file = await openCheckpoint(path);
  try {
    const names = stateDictNames(file, prefix);
    const entries = [...names].map(([name, inFile]) => ({
      name,
      ...(file.tensors.get(inFile) as Checkpoint['tensors'] extends Map<string, infer T> ? T : never),
      read: () => file.read(inFile),
    }));
    const metadataOut = {
      ...metadata,
      ...(network ? { network: network.name } : {}),
      ...(recipe ? { recipe: JSON.stringify(recipe) } : {}),
    };
    const bytes = await writeSafetensorsFile(out, entries, { metadata: metadataOut, floats: DTYPES[dtype] });
    return { tensors: entries.length, bytesBefore: file.bytes, bytes, out };
  } finally {
    await file.close();
  }
}
