import type { NamedArray } from '../arrays/named-array';
import { convertFloats } from '../arrays/named-array';
import { type ByteInput, openByteSource } from '../files/byte-source';
import { sha256Hex } from '../files/sha256-hex';
import { type CheckpointFormat, openCheckpoint } from './open-checkpoint';
import { stateDictNames } from './state-dict';

/** The state dict of a weights file, with the file's identity. */
export type WeightsFile = {
  /** Path or address, for messages. */
  name: string;
  format: CheckpointFormat;
  /** Metadata of a safetensors file; empty for other formats. */
  metadata: Record<string, string>;
  /** Parameters and buffers by PyTorch's names; floats are float32. */
  state: Map<string, NamedArray>;
  /** SHA-256 of the whole file, hexadecimal. */
  sha256: string;
};

export type ReadWeightsOptions = {
  /** The dict to read, as in `readStateDict`. */
  prefix?: string;
  /**
   * The dict to read where the file has it, such as `state_dict.net_g` of DINet's training; ignored for other files.
   */
  preferred?: string;
};

/**
 * Reads a weights file for a network's loader: its state dict, metadata and SHA-256, from one read of the file.
 *
 * @param source path (Node), URL, Blob or bytes; PyTorch's formats, safetensors or npz. A `ByteSource` is closed.
 * @throws Error for a file of another format, or one with several state dicts to choose from.
 * @example
 * const { state, metadata, sha256 } = await readWeights('expert.safetensors');
 */
export async function readWeights(source: ByteInput, options: ReadWeightsOptions = {}): Promise<WeightsFile> {
  const opened = await openByteSource(source);
  try {
    const { name, size } = opened;
    const bytes = await opened.read(0, size);
    const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
    const file = await openCheckpoint({ name, size, read, close: async () => {} });
    const { preferred } = options;
    const prefix =
      options.prefix ?? (preferred !== undefined && file.dicts.includes(preferred) ? preferred : undefined);
    const state = new Map<string, NamedArray>();
    for (const [key, inFile] of stateDictNames(file, prefix)) {
      state.set(key, convertFloats('readWeights', key, await file.read(inFile), 'float32'));
    }
    return { name, format: file.format, metadata: file.metadata, state, sha256: await sha256Hex(bytes) };
  } finally {
    await opened.close();
  }
}
