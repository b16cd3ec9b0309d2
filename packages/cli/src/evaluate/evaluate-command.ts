import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type NamedArray, readStateDict, sha256Hex, writeFileAtomic } from '@lipsync/checkpoints';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { ClipStore } from '@lipsync/dataloader';
import { loadDinet } from '@lipsync/dinet';
import { InceptionFid, Lpips, type LpipsNet } from '@lipsync/metrics';
import { type DinetEvaluation, type EvaluateDinetOptions, evaluateDinet, spread, trainingSplit } from '@lipsync/train';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress } from '../terminal/progress';
import { BACKEND_OPTIONS, readExpert, readList, say, startBackend } from '../terminal/setup';
import { resolveWeights } from '../weights/fetch-weights';
import { dinetTable, PUBLISHED_DINET } from './evaluate-dinet-table';

export const EVALUATE: CommandSpec = {
  name: 'evaluate',
  positionals: 'dinet CLIPS --weights FILE',
  summary:
    'Judges a generator on held-out face images (lipsync prepare --head N): frames, sharpness and sync, beside two baselines, with a frame sheet.',
  options: {
    weights: { kind: 'text', value: 'FILE', help: 'weights of the generator: ours, or DINet’s published file' },
    expert: {
      kind: 'text',
      value: 'FILE,…',
      help: 'weights of the sync networks that judge, one or more; without: no LSE-D and LSE-C',
    },
    'expert-recipe': {
      kind: 'text',
      value: 'FILE,…',
      help: 'their recipes (JSON) in the same order, where their files have none; an empty one is skipped',
    },
    'expert-config': {
      kind: 'text',
      value: 'NAME,…',
      help: 'their configurations in the same order, where their files have none',
    },
    lpips: {
      kind: 'text',
      value: 'FILE,FILE',
      help: 'LPIPS: torchvision’s network and LPIPS’s linear layers (alexnet,lpips-alex once fetched); without: no LPIPS',
    },
    fid: {
      kind: 'text',
      value: 'FILE',
      help: 'FID: pytorch-fid’s Inception (fid-inception once fetched); without: no FID',
    },
    out: {
      kind: 'text',
      value: 'DIR',
      help: 'report.json and sheet.png go here; evaluation beside the weights if not given',
    },
    'held-out': {
      kind: 'text',
      value: 'FILE',
      help: 'names of the videos to judge on, one a line; the split of lipsync prepare if not given',
    },
    clips: { kind: 'whole', value: 'N', min: 1, help: 'most clips, evenly spread; all held-out ones if not given' },
    frames: { kind: 'whole', value: 'N', min: 12, help: 'most frames of a clip, from its first on; all if not given' },
    'other-sound': {
      kind: 'choice',
      choices: ['clip', 'shifted'],
      default: 'clip',
      help: 'of another clip, or the clip’s own, moved by half its length',
    },
    batch: { kind: 'whole', value: 'N', min: 1, default: 8, help: 'frames in the generator at a time' },
    sheet: { kind: 'whole', value: 'N', min: 0, default: 8, help: 'frames on the sheet' },
    seed: { kind: 'whole', value: 'N', min: 0, default: 0, help: 'of references, the sheet, and a split by chance' },
    json: { kind: 'flag', help: 'prints the report as JSON' },
    ...BACKEND_OPTIONS,
  },
};

/** Rows of the sheet from above, which has no room for words. */
const SHEET_ROWS = 'source, masked, first reference, painted, truth, painted to the other audio';

export async function runEvaluate({ positionals, values }: ParsedCommand): Promise<void> {
  const [what, folder, ...rest] = positionals;
  if (what !== 'dinet')
    throw new UsageError(`lipsync evaluate: what to evaluate must be dinet, got ${what ?? 'nothing'}`);
  if (folder === undefined || rest.length > 0) {
    throw new UsageError(
      `lipsync evaluate dinet: CLIPS must be one folder made by lipsync prepare --head, got ${positionals.length - 1}`,
    );
  }
  const text = (name: string) => values[name] as string | undefined;
  const weights = text('weights');
  if (weights === undefined)
    throw new UsageError('lipsync evaluate dinet: --weights must be a generator’s weights file, got none');
  await startBackend(values);
  const store = await ClipStore.open(resolve(folder));
  const heldOut = text('held-out');
  const split = await trainingSplit(store, {
    heldOut: heldOut ? await readList(heldOut) : undefined,
    seed: values.seed as number,
  });
  if (split.byChance)
    say('warning: held out by chance: a generator that learned from this store with another seed has seen these faces');
  const clips = values.clips === undefined ? split.held : spread(split.held, values.clips as number);
  const owned: { dispose(): void }[] = [];
  const own = <A extends { dispose(): void }>(thing: A): A => (owned.push(thing), thing);
  const progress = createProgress({ label: 'evaluate', total: clips.length });
  try {
    const path = resolve(weights);
    const generator = own(await loadDinet(path));
    const experts: SyncExpert[] = [];
    for (const one of await expertFiles(values)) experts.push(own(await readExpert(one.path, one)));
    const evaluation = await evaluateDinet({
      generator,
      store,
      clips,
      experts,
      ...(text('lpips') ? { lpips: own(await readLpips(text('lpips')!.split(','))) } : {}),
      ...(text('fid') ? { fid: own(await readFid(text('fid')!)) } : {}),
      otherAudio: values['other-sound'] as EvaluateDinetOptions['otherAudio'],
      framesPerClip: values.pictures as number | undefined,
      batch: values.batch as number,
      sheet: values.sheet as number,
      seed: values.seed as number,
      onClip: (done) => progress.update(done),
    });
    progress.stop();
    const weightsHash = await sha256Hex(new Uint8Array(await readFile(path)));
    const out = resolve(text('out') ?? join(path, '..', 'evaluation'));
    const report = await writeEvaluation(out, evaluation, { weights, weightsHash, clips: folder });
    if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else process.stdout.write(`${dinetTable(evaluation)}\n`);
    say(`report: ${join(out, 'report.json')}`);
    if (evaluation.sheet) say(`sheet:  ${join(out, 'sheet.png')} (${SHEET_ROWS})`);
  } finally {
    progress.stop();
    for (const thing of owned) thing.dispose();
  }
}

/**
 * Writes `report.json` and `sheet.png` into a folder.
 *
 * @param facts what was judged, put in front of the figures.
 * @returns the report.
 */
export async function writeEvaluation(
  out: string,
  { sheet, ...evaluation }: DinetEvaluation,
  facts: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  await mkdir(out, { recursive: true });
  const published = {
    note: 'thesis, Table 3.1: other data, mouth 128 px, LSE of SyncNet; for orientation only',
    rows: PUBLISHED_DINET,
  };
  const report = {
    ...facts,
    evaluation,
    ...(sheet ? { sheet: { file: 'sheet.png', rows: SHEET_ROWS } } : {}),
    published,
  };
  await writeFileAtomic(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  if (sheet) await writeFileAtomic(join(out, 'sheet.png'), sheet);
  return report;
}

async function expertFiles(
  values: ParsedCommand['values'],
): Promise<{ path: string; recipe?: string; config?: string }[]> {
  const list = (name: string) => ((values[name] as string | undefined) ?? '').split(',');
  const paths = list('expert').filter((path) => path !== '');
  const [recipes, configs] = [list('expert-recipe'), list('expert-config')];
  return Promise.all(
    paths.map(async (path, i) => ({
      path: await resolveWeights(path),
      recipe: recipes[i] || undefined,
      config: configs[i] || undefined,
    })),
  );
}

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
  const files = await Promise.all(paths.map(async (path) => readStateDict(await resolveWeights(path))));
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
