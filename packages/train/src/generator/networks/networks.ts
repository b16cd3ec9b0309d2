import { type ByteInput, identifyNetwork, openCheckpoint, stateDictNames } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { loadReferenceGenerator } from '@lipsync/reference-generator';
import { DINET_NETWORK } from './dinet-network';
import type { GeneratorModule, GeneratorNetwork } from './generator-network';
import { LIPGAN_NETWORK, WAV2LIP_NETWORK } from './wav2lip-network';

/** The generators that can be trained, by name. */
export const GENERATOR_NETWORKS = {
  dinet: DINET_NETWORK,
  wav2lip: WAV2LIP_NETWORK,
  lipgan: LIPGAN_NETWORK,
} as const;

/** Names of the generators that can be trained. */
export type GeneratorNetworkName = keyof typeof GENERATOR_NETWORKS;

/** The network behind a name, of any configuration. */
export function generatorNetwork(name: GeneratorNetworkName): GeneratorNetwork {
  return GENERATOR_NETWORKS[name] as unknown as GeneratorNetwork;
}

/** Which function loads which generator, by the names of `identifyNetwork`. LipGAN's files hold Wav2Lip's generator. */
const LOADERS: Readonly<Record<string, (source: ByteInput) => Promise<GeneratorModule>>> = {
  dinet: DINET_NETWORK.load,
  'wav2lip-generator': WAV2LIP_NETWORK.load,
  'reference-generator': (source) => loadReferenceGenerator(source),
};

/** Where published files keep a generator among other networks. */
const GENERATOR_DICTS = ['state_dict.net_g', 'state_dict'];

/**
 * Loads a generator from a weights file of any kind: of `trainGenerator`, or as DINet and Wav2Lip publish theirs, or of
 * `saveReferenceGenerator`. The network is identified by the names and shapes of its parameters.
 *
 * @param source path (Node), URL, Blob or bytes; PyTorch's formats or safetensors.
 * @returns the generator in evaluation mode, `weightsHash` and, where the file says it, `crop` set. The caller disposes
 *   it.
 * @throws TypeError where the file holds another kind of network, which is named where it is known.
 * @example
 * import { loadGenerator } from '@lipsync/train';
 * const generator = await loadGenerator('wav2lip_gan.pth');
 * console.log(generator.name, generator.recipe.hidden); // Wav2Lip lower half
 */
export async function loadGenerator(source: ByteInput): Promise<GeneratorModule> {
  const file = await openCheckpoint(source);
  let names: Map<string, string>;
  try {
    names = stateDictNames(
      file,
      GENERATOR_DICTS.find((dict) => file.dicts.includes(dict)),
    );
  } finally {
    await file.close();
  }
  const network = identifyNetwork(new Map([...names].map(([name, at]) => [name, file.tensors.get(at)?.shape ?? []])));
  const load = network && LOADERS[network.name];
  if (load) return load(source);
  const some = [...names.keys()].slice(0, 3).join(', ');
  const got = network ? `${network.title} (${network.purpose})` : `one with ${some || 'nothing'}`;
  return fail(TypeError, 'loadGenerator', file.name, 'the weights of a generator', got);
}
