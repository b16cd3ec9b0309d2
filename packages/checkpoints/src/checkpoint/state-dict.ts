import { fail } from '@lipsync/contracts';
import { convertFloats, type NamedArray } from '../arrays/named-array';
import type { ByteInput } from '../files/byte-source';
import { identifyNetwork } from '../networks/known-networks';
import { type Checkpoint, type CheckpointFormat, openCheckpoint } from './open-checkpoint';

/** Usual names of the dict that holds a network. */
const CONTAINERS =
  /^(state_dict|model_state_dict|model_state|model|net|network|generator|params|ema|net_\w+|\w+_state_dict|\w+_ema|ema_\w+|swa_\w+)$/;
/** Names of dicts that may hold a moving average of the network beside it. */
const AVERAGES = /(^|[._])(ema|swa|avg|averaged?)([._]|$)/;
/** Modules that training tools put around others, at any depth: torch.compile, FSDP, activation checkpoints. */
const WRAPPERS = /(^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./g;

/**
 * Finds the state dict in a checkpoint: the tensors of the one dict that holds a network (the top level, `state_dict`,
 * `state_dict.net_g`, …; dicts of optimisers are skipped).
 *
 * What training tools put around names is removed: `module.` in front of every name (data-parallel training, averaged
 * models), `_orig_mod.` anywhere (torch.compile), and a first part that all names share (`model.` of Lightning) where
 * the names are those of a known network without it, and only then.
 *
 * @param prefix the dict to use, such as `state_dict.net_g`, where there are several; `''` for all tensors.
 * @returns the path in the checkpoint by the name in the state dict.
 * @throws Error that lists the dicts to choose from, also where weights stand beside their moving average.
 * @example
 * for (const [name, inFile] of stateDictNames(file)) console.log(name, file.tensors.get(inFile)?.shape);
 */
export function stateDictNames(
  checkpoint: Pick<Checkpoint, 'name' | 'tensors' | 'dicts'>,
  prefix?: string,
): Map<string, string> {
  const names = [...checkpoint.tensors.keys()];
  const chosen = prefix?.replace(/\.$/, '') ?? chooseDict(checkpoint, names);
  const start = chosen === '' ? '' : `${chosen}.`;
  const inside = names.filter((name) => name.startsWith(start));
  if (inside.length === 0 && prefix) {
    fail(
      RangeError,
      'stateDictNames',
      'prefix',
      `in front of a tensor of ${checkpoint.name} (${listed(checkpoint.dicts)})`,
      prefix,
    );
  }
  // Constants of a TorchScript archive are weights only where there are no other tensors.
  const own = inside.some((name) => !CONSTANT.test(name)) ? inside.filter((name) => !CONSTANT.test(name)) : inside;
  const found = own.map((name): [string, string] => [name.slice(start.length), name]);
  return unwrapped(new Map(found), checkpoint.tensors);
}

/** The names without what training tools put around them; paths in the checkpoint by name. */
function unwrapped(found: Map<string, string>, tensors: Checkpoint['tensors']): Map<string, string> {
  const bare = new Map([...found].map(([name, inFile]) => [name.replace(WRAPPERS, '$1'), inFile]));
  if (bare.size < found.size) return found; // two names became one: not what these wrappers do
  // torch.optim.swa_utils.AveragedModel has a counter beside its module.
  const named = [...bare.keys()].filter((name) => name !== 'n_averaged');
  const [first] = named.length > 0 ? named[0].split('.', 1) : [''];
  const prefix = `${first}.`;
  if (named.length === 0 || !named.every((name) => name.startsWith(prefix))) return bare;
  const inner = new Map(named.map((name) => [name.slice(prefix.length), bare.get(name) as string]));
  if (first === 'module') return unwrapped(inner, tensors);
  const isKnown = (names: Map<string, string>) =>
    identifyNetwork(new Map([...names].map(([name, at]) => [name, tensors.get(at)?.shape ?? []]))) !== undefined;
  if (isKnown(bare)) return bare;
  const within = unwrapped(inner, tensors);
  return isKnown(within) ? within : bare;
}

const CONSTANT = /^CONSTANTS\.c\d+/;
const listed = (dicts: readonly string[]) =>
  dicts
    .slice(0, 12)
    .map((dict) => dict || "''")
    .join(', ') + (dicts.length > 12 ? ', …' : '');

function chooseDict({ name, dicts }: Pick<Checkpoint, 'name' | 'dicts'>, names: readonly string[]): string {
  const networks = dicts.filter((dict) => !/(^|[._])(optim\w*|sched\w*|scaler)([._]|$)|(^|\.)state\.\d+$/.test(dict));
  if (networks.length === 1) return networks[0];
  const called = networks.filter((dict) => dict.split('.').some((part) => CONTAINERS.test(part)));
  if (called.length === 0 && networks.includes('')) return '';
  const averages = called.filter((dict) => AVERAGES.test(dict));
  const exact =
    averages.length > 0 ? [] : called.filter((dict) => dict === 'state_dict' || dict === 'model_state_dict');
  const left = exact.length > 0 ? exact : called.length > 0 ? called : networks;
  if (left.length === 1) return left[0];
  return names.length === 0
    ? ''
    : fail(Error, 'stateDictNames', 'prefix', `one of ${listed(left)}, as ${name} has several`, undefined);
}

export type ReadStateDictOptions = {
  /** As in `stateDictNames`. */
  prefix?: string;
  /** Whether floats of other widths are converted to float32; values beyond its range are refused. Default true. */
  widen?: boolean;
};

/**
 * Reads a whole state dict into memory. For files of several GB, read tensors one at a time with `openCheckpoint`.
 *
 * @param input as `openCheckpoint` takes it; closed here.
 * @returns arrays by name, the metadata of a safetensors file, and the file's format.
 * @throws Error as `openCheckpoint` and `stateDictNames`; RangeError for values beyond float32.
 * @example
 * net.loadStateDict((await readStateDict('syncnet_v2.model')).state);
 */
export async function readStateDict(
  input: ByteInput,
  { prefix, widen = true }: ReadStateDictOptions = {},
): Promise<{ state: Map<string, NamedArray>; metadata: Record<string, string>; format: CheckpointFormat }> {
  const checkpoint = await openCheckpoint(input);
  try {
    const state = new Map<string, NamedArray>();
    for (const [name, inFile] of stateDictNames(checkpoint, prefix)) {
      const array = await checkpoint.read(inFile);
      state.set(name, widen ? convertFloats('readStateDict', name, array, 'float32') : array);
    }
    return { state, metadata: checkpoint.metadata, format: checkpoint.format };
  } finally {
    await checkpoint.close();
  }
}
