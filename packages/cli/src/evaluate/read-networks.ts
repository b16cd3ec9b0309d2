import { type NamedArray, readStateDict } from '@lipsync/checkpoints';
import { InceptionFid, Lpips, type LpipsNet } from '@lipsync/metrics';
import { UsageError } from '../terminal/command';
import { resolveWeights } from '../weights/fetch-weights';

/** LPIPS from its files: torchvision's network and the linear layers, or one with both. */
export async function readLpips(paths: readonly string[]): Promise<Lpips> {
  const state = await statesOf(paths);
  // The linear layers' widths tell the networks apart.
  const channels = (state.get('lin1.model.1.weight') ?? state.get('net.lin1.model.1.weight'))?.shape[1];
  const net = (Object.entries({ alex: 192, vgg: 128, squeeze: 128 }) as [LpipsNet, number][])
    .filter(([, width]) => width === channels)
    .map(([name]) => name);
  if (net.length === 0)
    throw new UsageError(`--lpips must be torchvision’s network and LPIPS’s linear layers, got ${paths.join(',')}`);
  const seven = [...state.keys()].some((name) => name.endsWith('lin6.model.1.weight'));
  return loaded(new Lpips({ net: net.length === 1 ? net[0] : seven ? 'squeeze' : 'vgg' }), state, paths.join(', '));
}

/** The network of FID from pytorch-fid's file. */
export async function readFid(path: string): Promise<InceptionFid> {
  return loaded(new InceptionFid(), await statesOf([path]), path);
}

async function statesOf(paths: readonly string[]): Promise<Map<string, NamedArray>> {
  const files = await Promise.all(
    paths.map(async (path) => readStateDict(await resolveWeights(path, '--lpips and --fid'))),
  );
  return new Map(files.flatMap(({ state }) => [...state]));
}

function loaded<A extends Lpips | InceptionFid>(network: A, state: Map<string, NamedArray>, where: string): A {
  try {
    network.loadStateDict(state, { where });
  } catch (error) {
    network.dispose();
    throw error;
  }
  return network;
}
