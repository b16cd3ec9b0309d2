import { AVAlignNet, type AVAlignNetConfig, CONFIGURATIONS, loadAVAlignNet } from '@lipsync/avalignnet';
import {
  type ByteInput,
  identifyNetwork,
  openByteSource,
  openCheckpoint,
  readStateDict,
  sha256Hex,
  stateDictNames,
} from '@lipsync/checkpoints';
import { fail, type SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { readOnnxExpert } from '@lipsync/onnx';
import { loadSyncNetwork, syncNetworkOf } from '@lipsync/syncnet';
import { findOnnxFiles } from './onnx-files';

export type LoadExpertOptions = {
  /** How the network's input is prepared, where the file does not say. Default: the file's own, for published networks their publisher's. */
  recipe?: SyncRecipe;
  /** Configuration of an AVAlignNet whose file has none, such as one saved by PyTorch. Default: the file's own. */
  config?: AVAlignNetConfig;
  /** Threads of onnxruntime, for ONNX files. Default: its own choice. */
  threads?: number;
};

/**
 * Loads a sync network from a weights file of any kind: AVAlignNet, SyncNet and the experts of Wav2Lip, LatentSync and DINet in PyTorch or
 * safetensors files, or an exported ONNX pair. The network is identified by the names and shapes of its parameters.
 *
 * @param source path, URL, Blob or bytes; of ONNX files the path of one of them.
 * @returns the expert, on the backend that is set; the caller disposes it.
 * @throws TypeError where the file holds another kind of network, or does not say how its input is prepared and `options` do not either.
 * @example
 * const expert = await loadExpert('syncnet_v2.model');
 */
export async function loadExpert(source: ByteInput, options: LoadExpertOptions = {}): Promise<SyncExpert> {
  const { recipe, config, threads } = options;
  const where = typeof source === 'string' ? source : source instanceof URL ? source.href : 'the weights given';
  if (typeof source === 'string' && source.endsWith('.onnx'))
    return readOnnxExpert(await findOnnxFiles(source), { threads });
  const file = await openCheckpoint(source);
  const names = stateDictNames(file);
  await file.close();
  if (syncNetworkOf(names.keys())) return loadSyncNetwork(source, { recipe });
  const shapes = new Map([...names].map(([name, inFile]) => [name, file.tensors.get(inFile)?.shape ?? []]));
  const network = identifyNetwork(shapes);
  if (network && network.name !== 'avalignnet') {
    fail(
      TypeError,
      'loadExpert',
      'source',
      'the weights of a sync network',
      `${where}, which holds ${network.title} (it ${network.purpose})`,
    );
  }
  const bytes = await bytesOf(source);
  if (file.format === 'safetensors') return withRecipe(await loadAVAlignNet(bytes, { recipe, config }), where);
  // A file of PyTorch says nothing but names and shapes.
  if (config === undefined) {
    fail(
      TypeError,
      'loadExpert',
      'options.config',
      `the configuration of ${where}, such as ${Object.keys(CONFIGURATIONS).join(', ')}`,
      config,
    );
  }
  const net = new AVAlignNet(config, { seed: 0, recipe });
  try {
    net.loadStateDict((await readStateDict(bytes)).state, { where });
    net.weightsHash = await sha256Hex(bytes);
  } catch (error) {
    net.dispose();
    throw error;
  }
  return withRecipe(net, where);
}

function withRecipe(net: AVAlignNet, where: string): AVAlignNet {
  if (net.hasRecipe) return net;
  net.dispose();
  return fail(TypeError, 'loadExpert', 'options.recipe', `given for ${where}, whose metadata has none`, undefined);
}

async function bytesOf(input: ByteInput): Promise<Uint8Array> {
  const source = await openByteSource(input);
  try {
    return await source.read(0, source.size);
  } finally {
    if (source !== input) await source.close();
  }
}
