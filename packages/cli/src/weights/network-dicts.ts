import { type Checkpoint, identifyNetwork, type KnownNetwork, stateDictNames } from '@lipsync/checkpoints';

/** A known network in one of a file's dicts. */
export type HeldNetwork = { prefix: string; network: Pick<KnownNetwork, 'name' | 'title' | 'purpose'> };

/** Shapes by name. */
export function shapesOf(
  file: Pick<Checkpoint, 'tensors'>,
  names: ReadonlyMap<string, string>,
): Map<string, readonly number[]> {
  return new Map([...names].map(([name, inFile]) => [name, (file.tensors.get(inFile) as { shape: number[] }).shape]));
}

/** Networks that only train others, such as DINet's discriminators beside its generator. */
const HELPER = /discriminator$/;

/**
 * The state dict of a file of several, where one of them alone is a network that is used by itself: DINet's training
 * files hold the generator beside its discriminators.
 *
 * @param prefix the dict to take; else it is looked for.
 * @returns the names, and the known networks in the other dicts.
 * @throws as `stateDictNames` where several could be meant.
 */
export function networkNames(
  file: Checkpoint,
  prefix: string | undefined,
): { names: Map<string, string>; others: HeldNetwork[] } {
  if (prefix !== undefined) return { names: stateDictNames(file, prefix), others: [] };
  const held = file.dicts.flatMap((dict): HeldNetwork[] => {
    const network = identifyNetwork(shapesOf(file, stateDictNames(file, dict)));
    if (!network) return [];
    const { name, title, purpose } = network;
    return [{ prefix: dict, network: { name, title, purpose } }];
  });
  const main = held.filter(({ network }) => !HELPER.test(network.name));
  if (held.length < 2 || main.length !== 1) return { names: stateDictNames(file), others: [] };
  return { names: stateDictNames(file, main[0].prefix), others: held.filter((other) => other !== main[0]) };
}
