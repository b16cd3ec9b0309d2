import type { NamedArray } from '@lipsync/checkpoints';
import { type Checkpoint, openCheckpoint, safetensorsPieces, writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { AdamWState } from '@lipsync/nn';

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Everything that resuming a training run needs. */
export type TrainingState = {
  /** The module's state dict. */
  model: Map<string, NamedArray>;
  /** What `AdamW.state()` gives. */
  optimizer: AdamWState;
  /** Averaged weights, if the run has them. */
  ema?: Map<string, NamedArray>;
  /** Training steps done. */
  step: number;
  /** The seed; with the step or the data position it determines all random draws of the run. */
  seed: number;
  /** Position of the data loader, such as `{ epoch, batch }`. */
  dataPosition?: Json;
  /** Anything else that the run needs, such as its settings. */
  extra?: Json;
};

const FORMAT = 'lipsync-training-state';
const VERSION = '1';
const PREFIXES = {
  model: 'model.',
  expAvg: 'optimizer.exp_avg.',
  expAvgSq: 'optimizer.exp_avg_sq.',
  ema: 'ema.',
} as const;

/**
 * Writes a training state as one safetensors file, atomically (`writeFileAtomic`). Node only.
 *
 * Tensors `model.<name>`, `optimizer.exp_avg.<name>`, `optimizer.exp_avg_sq.<name>` and `ema.<name>`, in PyTorch's
 * layout; step, seed, data position and extra as JSON in the metadata. All bits are kept.
 *
 * @throws Error if the disk is full; the old file is then still there.
 * @example
 * await saveTrainingState('run/state.safetensors', {
 *   model: await net.stateDict(), optimizer: await optimizer.state(), step, seed, dataPosition: { epoch, batch },
 * });
 */
export async function saveTrainingState(path: string, state: TrainingState): Promise<void> {
  const { model, optimizer, ema, step, seed, dataPosition = null, extra = null } = state;
  const tensors = new Map<string, NamedArray>();
  const add = (prefix: string, entries: Map<string, NamedArray>) => {
    for (const [name, array] of entries) tensors.set(`${prefix}${name}`, array);
  };
  add(PREFIXES.model, model);
  add(PREFIXES.expAvg, optimizer.expAvg);
  add(PREFIXES.expAvgSq, optimizer.expAvgSq);
  if (ema) add(PREFIXES.ema, ema);
  const run = JSON.stringify({
    step,
    seed,
    optimizerStep: optimizer.step,
    hasEma: ema !== undefined,
    dataPosition,
    extra,
  });
  await writeFileAtomic(path, safetensorsPieces(tensors, { format: FORMAT, version: VERSION, run }));
}

/**
 * Reads what `saveTrainingState` wrote, files of any size. Node only.
 *
 * @throws Error if the file is missing, broken or another kind of safetensors file.
 * @example
 * const state = await loadTrainingState('run/state.safetensors');
 * net.loadStateDict(state.model);
 * optimizer.loadState(state.optimizer);
 */
export async function loadTrainingState(path: string): Promise<TrainingState> {
  const file = await openCheckpoint(path);
  try {
    return await readState(file);
  } finally {
    await file.close();
  }
}

async function readState({ name: path, metadata, tensors, read }: Checkpoint): Promise<TrainingState> {
  if (metadata.format !== FORMAT || metadata.version !== VERSION) {
    const got = `format ${metadata.format}, version ${metadata.version}`;
    fail(Error, 'loadTrainingState', 'path', `a file of format ${FORMAT}, version ${VERSION}`, `${got} (${path})`);
  }
  const parts = { model: new Map(), expAvg: new Map(), expAvgSq: new Map(), ema: new Map() } as Record<
    keyof typeof PREFIXES,
    Map<string, NamedArray>
  >;
  const prefixes = Object.entries(PREFIXES) as [keyof typeof PREFIXES, string][];
  for (const name of tensors.keys()) {
    const part = prefixes.find(([, prefix]) => name.startsWith(prefix));
    if (!part)
      return fail(Error, 'loadTrainingState', 'path', 'a file whose names start with model., optimizer. or ema.', name);
    parts[part[0]].set(name.slice(part[1].length), await read(name));
  }
  const { step, seed, optimizerStep, hasEma, dataPosition, extra } = JSON.parse(metadata.run);
  return {
    model: parts.model,
    optimizer: { step: optimizerStep, expAvg: parts.expAvg, expAvgSq: parts.expAvgSq },
    ...(hasEma ? { ema: parts.ema } : {}),
    step,
    seed,
    dataPosition,
    extra,
  };
}
