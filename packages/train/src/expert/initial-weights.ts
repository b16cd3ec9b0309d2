import { loadAVAlignNet } from '@lipsync/avalignnet';
import { type ByteInput, identifyNetwork, type NamedArray, readWeights } from '@lipsync/checkpoints';
import { assertSyncRecipe, fail, recipeDifferences, type SyncRecipe } from '@lipsync/contracts';
import { widthOf } from '@lipsync/syncnet';
import type { NetworkChoice, TrainedNetworkName } from './trained-network';

/** Weights that a training starts from. */
export type InitialWeights = {
  /** The network that they are of; its recipe where the file has one, or where one was given. */
  choice: NetworkChoice;
  /** By PyTorch's names. */
  state: Map<string, NamedArray>;
  /** SHA-256 of the file. */
  sha256: string;
};

/** Networks by the names of `identifyNetwork`. */
const TRAINED: Readonly<Record<string, TrainedNetworkName>> = {
  avalignnet: 'avalignnet',
  syncnet: 'syncnet',
  wav2lip: 'wav2lip',
  'latentsync-wav2lip': 'latentsync',
  'dinet-syncnet': 'dinet',
};

/**
 * Reads the weights that a training starts from, and what the file says about them: network, configuration, width and
 * recipe. What the caller chose must agree with it, but for `loudness`, in which a training may depart from the file.
 *
 * @param prefix the dict to read from a file that holds several.
 * @throws Error or TypeError that names what the file says and what was chosen.
 */
export async function readInitialWeights(
  where: string,
  source: ByteInput,
  { prefix, ...chosen }: NetworkChoice & { prefix?: string },
): Promise<InitialWeights> {
  const { name, state, metadata, sha256 } = await readWeights(source, { prefix }).catch((error: Error) => {
    throw renamed(where, error);
  });
  const known = identifyNetwork(new Map([...state].map(([key, { shape }]) => [key, shape])));
  const network = known && TRAINED[known.name];
  if (!network) {
    const held = known ? `that of ${known.title}` : `one with ${[...state.keys()].slice(0, 3).join(', ')}`;
    return fail(TypeError, where, 'init', 'the weights of a sync network', `${name}, ${held}`);
  }
  if (chosen.network !== undefined && chosen.network !== network)
    fail(TypeError, where, 'network', `${network}, as the weights in ${name} are`, chosen.network);
  const own = metadata.recipe === undefined ? undefined : assertSyncRecipe(where, JSON.parse(metadata.recipe));
  const recipe = agreedRecipe(where, own, chosen.recipe);
  if (network === 'avalignnet') {
    const net = await loadAVAlignNet(source, { config: chosen.config, prefix }).catch((error: Error) => {
      throw renamed(where, error);
    });
    const { config } = net;
    net.dispose();
    return { choice: { network, config, recipe }, state, sha256 };
  }
  const width = widthOf(network, state);
  if (chosen.width !== undefined && chosen.width !== width)
    fail(RangeError, where, 'width', `${width}, as the weights in ${name} are`, chosen.width);
  return { choice: { network, width, recipe }, state, sha256 };
}

function agreedRecipe(
  where: string,
  own: SyncRecipe | undefined,
  chosen: SyncRecipe | undefined,
): SyncRecipe | undefined {
  if (own === undefined || chosen === undefined) return chosen ?? own;
  const differences = recipeDifferences(own, chosen).filter((name) => name !== 'loudness');
  if (differences.length === 0) return chosen;
  const at = (recipe: SyncRecipe) =>
    differences.map((name) => `${name} ${JSON.stringify(pick(recipe, name))}`).join(', ');
  return fail(Error, where, 'recipe', `that of the weights (${at(own)})`, at(chosen));
}

const pick = (recipe: SyncRecipe, name: string) =>
  name.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], recipe);

/** A loader's error about its options as one about the caller's. */
function renamed(where: string, error: Error): Error {
  const message = error.message
    .replace(/^loadAVAlignNet: options\./, `${where}: `)
    .replace(/^stateDictNames: prefix/, `${where}: initPrefix`);
  return message === error.message ? error : new Error(message, { cause: error });
}
