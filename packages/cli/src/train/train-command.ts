import { resolve } from 'node:path';
import { ClipStore } from '@lipsync/dataloader';
import {
  TRAINED_NETWORKS,
  type TrainEvent,
  type TrainExpertOptions,
  type TrainedNetworkName,
  type TrainPreset,
  type TrainReport,
  trainExpert,
} from '@lipsync/train';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress, formatSeconds, type Progress } from '../terminal/progress';
import { BACKEND_OPTIONS, readConfig, readList, readRecipe, say, startBackend } from '../terminal/setup';

export const TRAIN: CommandSpec = {
  name: 'train',
  positionals: 'CLIPS --out DIR',
  summary:
    'Trains AVAlignNet, or a published expert, on prepared clips. Stop it at any moment: the same command resumes where it stopped.',
  options: {
    out: { kind: 'text', value: 'DIR', help: 'weights, curve, log and report go here' },
    steps: { kind: 'whole', value: 'N', min: 1, default: 1000, help: 'optimiser steps in all' },
    network: { kind: 'choice', choices: TRAINED_NETWORKS, default: 'avalignnet', help: 'what is trained' },
    width: {
      kind: 'number',
      value: 'X',
      min: 0,
      help: 'share of the published channels, of networks other than avalignnet; 1 if not given',
    },
    preset: {
      kind: 'choice',
      choices: ['contrast', 'thesis', 'published'],
      help: 'same-clip contrast, plain pairs as the thesis, or the publisher’s recipe; contrast (syncnet: published) if not given',
    },
    'held-out': {
      kind: 'text',
      value: 'FILE',
      help: 'names of the videos to hold for validation, one a line; the split of lipsync prepare if not given',
    },
    config: { kind: 'text', value: 'NAME', default: 'lite', help: 'named configuration, or a .json file' },
    recipe: {
      kind: 'text',
      value: 'FILE',
      help: 'how the input is prepared (JSON); fits the configuration if not given',
    },
    clips: { kind: 'whole', value: 'N', min: 1, help: 'clips a batch (contrast); 12 if not given' },
    windows: { kind: 'whole', value: 'N', min: 2, help: 'windows a clip (contrast); 6 if not given' },
    pairs: { kind: 'whole', value: 'N', min: 2, help: 'pairs a batch (thesis); 256 if not given' },
    chunk: {
      kind: 'whole',
      value: 'N',
      min: 1,
      help: 'most windows in the network at a time, for less memory; all if not given',
    },
    replicas: {
      kind: 'whole',
      value: 'N',
      min: 1,
      default: 1,
      help: 'threads that train on a share of each batch, each on wasm with one thread',
    },
    'learning-rate': {
      kind: 'number',
      value: 'X',
      min: 0,
      help: 'highest learning rate; 1.5e-3 (contrast) or 1e-5 (thesis) if not given',
    },
    seed: { kind: 'whole', value: 'N', min: 0, default: 0, help: 'of first weights, batches and augmentation' },
    workers: { kind: 'whole', value: 'N', min: 0, default: 1, help: 'threads that cut batches' },
    'checkpoint-every': { kind: 'whole', value: 'N', min: 1, default: 50, help: 'steps between checkpoints' },
    'validate-every': {
      kind: 'whole',
      value: 'N',
      min: 0,
      default: 250,
      help: 'steps between validations, 0 for none',
    },
    json: { kind: 'flag', help: 'prints the report as JSON' },
    ...BACKEND_OPTIONS,
  },
};

export async function runTrain({ positionals, values }: ParsedCommand): Promise<void> {
  if (positionals.length !== 1)
    throw new UsageError(`lipsync train: CLIPS must be one folder made by lipsync prepare, got ${positionals.length}`);
  if (!values.out) throw new UsageError('lipsync train: --out must be a folder for the run, got none');
  const replicas = values.replicas as number;
  if (replicas > 1 && !['auto', 'wasm', 'wasm-threaded'].includes(values.backend as string)) {
    throw new UsageError(
      `lipsync train: --backend must be auto, wasm or wasm-threaded with --replicas, which run on wasm, got ${values.backend}`,
    );
  }
  await startBackend(values);
  const heldOut = values['held-out'] as string | undefined;
  const recipe = values.recipe as string | undefined;
  const report = await showTraining({
    store: await ClipStore.open(resolve(positionals[0])),
    out: resolve(values.out as string),
    steps: values.steps as number,
    network: values.network as TrainedNetworkName,
    width: values.width as number | undefined,
    preset: values.preset as TrainPreset | undefined,
    config: await readConfig(values.config as string),
    ...(recipe ? { recipe: await readRecipe(recipe) } : {}),
    ...(heldOut ? { heldOut: await readList(heldOut) } : {}),
    clipsPerBatch: values.clips as number | undefined,
    windowsPerClip: values.windows as number | undefined,
    pairsPerBatch: values.pairs as number | undefined,
    chunk: values.chunk as number | undefined,
    replicas,
    learningRate: values['learning-rate'] as number | undefined,
    seed: values.seed as number,
    workers: values.workers as number,
    checkpointEvery: values['checkpoint-every'] as number,
    validateEvery: values['validate-every'] as number,
  });
  if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

/** Runs a training to its end with a progress bar and says what came out. */
export async function showTraining(options: TrainExpertOptions): Promise<TrainReport> {
  let progress: Progress | undefined;
  let report: TrainReport | undefined;
  const started = Date.now();
  try {
    for await (const event of trainExpert(options)) {
      if (event.kind === 'start') {
        describeStart(event);
        progress = createProgress({ label: 'train', total: event.steps });
      } else if (event.kind === 'step') {
        const { step, loss, positiveCosine, negativeCosine, samplesPerSec } = event.entry;
        const cosines = `cosine ${positiveCosine.toFixed(3)} in / ${negativeCosine.toFixed(3)} off`;
        progress?.update(step, `loss ${loss.toFixed(3)} ${cosines} ${samplesPerSec.toFixed(0)} samples/s`);
      } else if (event.kind === 'validation') {
        const { auc, accuracy, clips } = event.validation;
        progress?.log(
          `step ${event.step}: AUC ${auc.toFixed(3)}, accuracy ${accuracy.balanced.toFixed(3)} on ${clips} held-out clips`,
        );
      } else if (event.kind === 'warning') {
        if (progress) progress.log(`warning: ${event.text}`);
        else say(`warning: ${event.text}`);
      } else {
        report = event.report;
      }
    }
  } finally {
    progress?.stop();
  }
  const { validation, weights, curve, samples, waitShare } = report as TrainReport;
  const { accuracy, auc, clips, meanInSync, meanOffSync } = validation;
  say(`trained on ${samples} windows in ${formatSeconds((Date.now() - started) / 1000)}`);
  say(
    `held-out (${clips} clips, single windows): AUC ${auc.toFixed(3)}, balanced accuracy ${accuracy.balanced.toFixed(3)}` +
      ` (in sync ${accuracy.inSync.toFixed(3)}, off sync ${accuracy.offSync.toFixed(3)}), cosine ${meanInSync.toFixed(3)} / ${meanOffSync.toFixed(3)}`,
  );
  say(`waited for data ${(100 * waitShare).toFixed(1)} % of the time`);
  say(`weights: ${weights}\ncurve:   ${curve}`);
  return report as TrainReport;
}

function describeStart(event: Extract<TrainEvent, { kind: 'start' }>): void {
  const { clips, heldOut, leftOut, batch, parameters, replicas, resumedAt } = event;
  say(
    `${clips} clips to learn from, ${heldOut.length} held out, ${leftOut.length} too short; ${batch} windows a step; ${(parameters / 1e6).toFixed(2)} M parameters`,
  );
  if (replicas > 1) say(`${replicas} replicas of the network, each on wasm with one thread, take a share of each step`);
  if (resumedAt > 0) say(`going on after step ${resumedAt}`);
}
