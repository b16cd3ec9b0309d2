import { type ByteInput, encodeSafetensors, identifyNetwork, readWeights } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { Network } from '@lipsync/nn';

/** A network with the sizes from which it was built. */
type Configured<Config> = Network & { readonly config: Config };

/** What tells a kind of network in files. */
export type NetworkKind<Config, Net extends Configured<Config>> = {
  /** Its name in the metadata: `portraits` is `{ "kind": name, "config": … }`. */
  name: string;
  /** What it is, for messages: "of an APC encoder". */
  title: string;
  /** A parameter that its files have. */
  identifiedBy: string;
  /** Parameters of training that a published file may hold, and that are left out. */
  ignores?: (name: string) => boolean;
  /** The sizes that the shapes of a file without metadata imply. @param side length of an axis of a parameter. */
  configOf: (shapes: Map<string, readonly number[]>, side: (name: string, axis: number) => number) => Config;
  /** Builds the network; refuses a config that is not one. */
  make: (config: Config) => Net;
};

/** A network as the bytes of a safetensors file: its names, and its config in the metadata. */
export async function saveNetwork<Config, Net extends Configured<Config>>(
  kind: NetworkKind<Config, Net>,
  net: Net,
): Promise<Uint8Array> {
  const portraits = JSON.stringify({ kind: kind.name, config: net.config });
  return encodeSafetensors(await net.stateDict(), { format: 'pt', portraits });
}

/**
 * The network of a file: ours, or PyTorch's, with or without `module.` before every name.
 *
 * @returns in evaluation mode, `weightsHash` set. The caller disposes it.
 * @throws Error where the file belongs to another network, and one with every missing, unused and misshapen name.
 */
export async function loadNetwork<Config, Net extends Configured<Config>>(
  where: string,
  kind: NetworkKind<Config, Net>,
  source: ByteInput,
): Promise<Net> {
  const { state, metadata, sha256 } = await readWeights(source);
  const shapes = new Map([...state].map(([name, { shape }]) => [name, shape]));
  if (!state.has(kind.identifiedBy)) {
    const known = identifyNetwork(shapes);
    const got = known
      ? `those of ${known.title}`
      : `${state.size} names, ${[...state.keys()].slice(0, 3).join(', ')}, …`;
    fail(Error, where, 'the file', `one with the parameters ${kind.title}`, got);
  }
  for (const name of shapes.keys()) if (kind.ignores?.(name)) state.delete(name);
  const side = (name: string, axis: number) => shapes.get(name)?.[axis] ?? Number.NaN;
  const config = storedConfig<Config>(where, kind.name, metadata.portraits) ?? kind.configOf(shapes, side);
  const net = kind.make(config);
  try {
    net.eval().loadStateDict(state, { where });
    net.weightsHash = sha256;
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net;
}

function storedConfig<Config>(where: string, name: string, text: string | undefined): Config | undefined {
  if (text === undefined) return undefined;
  let stored: { kind?: unknown; config?: Config };
  try {
    stored = JSON.parse(text);
  } catch {
    return fail(Error, where, "the file's portraits metadata", 'JSON', text);
  }
  if (stored.kind !== name) fail(Error, where, "the file's portraits metadata", `that of ${name}`, text);
  return stored.config;
}

/**
 * Refuses a config that lacks one of these sizes, or has one that is not a whole number from 1.
 *
 * @throws TypeError or RangeError.
 */
export function assertSizes(where: string, config: Record<string, unknown>, names: readonly string[]): void {
  if (typeof config !== 'object' || config === null) fail(TypeError, where, 'config', 'an object', config);
  for (const name of names) {
    if (!(Number.isInteger(config[name]) && (config[name] as number) >= 1))
      fail(RangeError, where, `config.${name}`, 'a whole number from 1', config[name]);
  }
}
