import { resolve } from 'node:path';
import {
  assertTrainable,
  TRAINED_NETWORKS,
  type TrainExpertEvent,
  type TrainExpertOptions,
  type TrainExpertReport,
  type TrainingPlanOptions,
  trainExpert,
} from '@lipsync/train';
import { announceTime } from '../terminal/announce-time';
import { choice, createCommand, decimal, type OptionsOf, UsageError, wholeNumber } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { assertOutFolder, openClips } from '../terminal/open-clips';
import {
  backendOption,
  heldOutOption,
  jsonOption,
  startBackend,
  threadsOption,
  verboseOption,
} from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { createProgress, formatSeconds, type Progress } from '../terminal/progress';
import { readConfig, readList, readRecipe } from '../terminal/read-files';
import { resolveWeights } from '../weights/fetch-weights';
import { checkOverfit } from './overfit-check';

/** `lipsync train expert`. */
export function trainExpertCommand() {
  return trainingOptions().action(runTraining);
}

/** The words of `lipsync train expert`: what is trained, and how. */
function trainingOptions() {
  return networkOptions()
    .optionsGroup('Training:')
    .addOption(
      choice(
        '--preset <name>',
        'contrast: windows of the same clip against each other; thesis: independent labelled pairs; published: the publisher’s recipe ' +
          '(default: contrast, for syncnet published)',
        ['contrast', 'thesis', 'published'],
      ),
    )
    .addOption(wholeNumber('--clips-per-batch <n>', 'clips in a batch (preset contrast; default: 12)', 1))
    .addOption(
      wholeNumber('--windows-per-clip <n>', 'windows of each clip in a batch (preset contrast; default: 6)', 2),
    )
    .addOption(wholeNumber('--pairs-per-batch <n>', 'pairs in a batch (presets thesis and published; default: 256)', 2))
    .addOption(decimal('--learning-rate <x>', 'highest learning rate (default: 1.5e-3 for contrast, 1e-5 for thesis)'))
    .addOption(wholeNumber('--seed <n>', 'seed of first weights, batches, augmentation and a random split').default(0))
    .addOption(wholeNumber('--checkpoint-every <n>', 'steps between two checkpoints', 1).default(50))
    .addOption(wholeNumber('--validate-every <n>', 'steps between two validations, 0 for none on the way').default(250))

    .optionsGroup('Speed and memory:')
    .addOption(wholeNumber('--workers <n>', 'threads that make batches').default(1))
    .addOption(wholeNumber('--chunk <n>', 'most windows in the network at a time, to save memory (default: all)', 1))
    .addOption(
      wholeNumber(
        '--replicas <n>',
        'threads that train on a share of each batch, each on wasm with one thread',
        1,
      ).default(1),
    )
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['expert', 'clips', 'recipe', 'preset'],
        examples: [
          'train clips --out run',
          'train clips --overfit',
          'train clips --out run --network wav2lip --preset published',
          'train clips --out tuned --init run/weights.safetensors --steps 300',
        ],
      }),
    );
}

function networkOptions() {
  return createCommand(
    'expert',
    'Trains AVAlignNet or a published sync network on prepared clips. It can be stopped at any moment: the same command resumes the run.',
  )
    .argument('<clips>', 'folder made by lipsync prepare')
    .option('--out <dir>', 'folder for weights, learning curve, log and report; must be given, but for --overfit')
    .addOption(
      wholeNumber(
        '--steps <n>',
        'optimiser steps in all (default: 1000); more of them lengthen a run, also a finished one',
        1,
      ),
    )
    .option(
      '--overfit',
      'train on one batch only, for --steps (default: 60), and write nothing: its loss must fall to half, or the exit status is 1',
    )
    .addOption(heldOutOption())
    .addOption(jsonOption())

    .optionsGroup('Network:')
    .option(
      '--init <file>',
      'weights to start from: any file that lipsync score takes; network, configuration and recipe are then the file’s',
    )
    .option('--init-prefix <name>', 'dict to read from a file of --init that holds several')
    .addOption(
      choice('--network <name>', 'network to train (default: avalignnet, or that of --init)', TRAINED_NETWORKS),
    )
    .option('--config <name>', 'configuration of AVAlignNet: a name or a .json file (default: lite, or that of --init)')
    .option(
      '--recipe <file>',
      'JSON file that says how the input is prepared (default: what fits the configuration, or that of --init)',
    )
    .addOption(
      decimal('--width <x>', 'channels of a published network as a share of the published number (default: 1)'),
    );
}

type TrainingWords = OptionsOf<ReturnType<typeof trainingOptions>>;

async function runTraining(clips: string, words: TrainingWords): Promise<void> {
  const { json, backend, threads, verbose, config, recipe, heldOut, init, out, overfit, ...options } = words;
  if (options.replicas > 1 && !['auto', 'wasm', 'wasm-threaded'].includes(backend)) {
    throw new UsageError(
      `--backend must be auto, wasm or wasm-threaded with --replicas, which run on wasm, got ${backend}`,
    );
  }
  if (overfit && init !== undefined) throw new UsageError(`--overfit must stand without --init, got ${init}`);
  // All that was named is there, before anything takes time.
  const plan = {
    ...options,
    store: await openClips(clips),
    ...(config === undefined ? {} : { config: await readConfig(config) }),
    ...(recipe === undefined ? {} : { recipe: await readRecipe(recipe) }),
    ...(heldOut === undefined ? {} : { heldOut: await readList(heldOut) }),
  };
  const start = () => startBackend({ backend, threads, verbose });
  if (overfit) {
    await assertClipsFit(clips, plan);
    await start();
    return checkOverfit({ ...plan, json, overfitSteps: options.steps });
  }
  if (out === undefined) throw new UsageError('--out must be a folder for the run, got none');
  await assertOutFolder(out);
  const from = init === undefined ? {} : { init: await resolveWeights(init, '--init') };
  // The file of --init says which network it is.
  if (init === undefined) await assertClipsFit(clips, plan);
  await start();
  const report = await showTraining({ ...plan, ...from, out: resolve(out) });
  if (json) printJson(report);
}

/** Refuses what `assertTrainable` does; clips of another network in the words of the command line. */
async function assertClipsFit(clips: string, plan: TrainingPlanOptions): Promise<void> {
  try {
    await assertTrainable(plan);
  } catch (error) {
    const why =
      error instanceof TypeError ? /^(?:SyncLoader|viewFraction): (.*)$/s.exec(error.message)?.[1] : undefined;
    if (why === undefined) throw error;
    throw new UsageError(
      `CLIPS must be prepared for this network (lipsync prepare --network, --config, --recipe), got ${clips}: ${why}`,
      { cause: error },
    );
  }
}

/** Runs a training to its end with a progress bar and logs its result. */
async function showTraining(options: TrainExpertOptions): Promise<TrainExpertReport> {
  let progress: Progress | undefined;
  let report: TrainExpertReport | undefined;
  let announce: ((step: number) => void) | undefined;
  const started = Date.now();
  try {
    for await (const event of trainExpert(options)) {
      if (event.kind === 'start') {
        describeStart(event);
        progress = createProgress({ label: 'train', total: event.steps });
        announce = announceTime(event.steps, progress.log);
      } else if (event.kind === 'step') {
        const { step, loss, positiveCosine, negativeCosine, samplesPerSec } = event.entry;
        const cosines = `cosine ${positiveCosine.toFixed(3)} in / ${negativeCosine.toFixed(3)} off`;
        progress?.update(step, `loss ${loss.toFixed(3)} ${cosines} ${samplesPerSec.toFixed(0)} samples/s`);
        announce?.(step);
      } else if (event.kind === 'validation') {
        const { auc, accuracy, clips } = event.validation;
        progress?.log(
          `step ${event.step}: AUC ${auc.toFixed(3)}, accuracy ${accuracy.balanced.toFixed(3)} on ${clips} validation clips`,
        );
      } else if (event.kind === 'warning') {
        if (progress) progress.log(`warning: ${event.text}`);
        else log(`warning: ${event.text}`);
      } else {
        report = event.report;
      }
    }
  } finally {
    progress?.stop();
  }
  const { validation, weights, curve, samples, waitShare } = report as TrainExpertReport;
  const { accuracy, auc, clips, meanInSync, meanOffSync } = validation;
  log(`trained on ${samples} windows in ${formatSeconds((Date.now() - started) / 1000)}`);
  log(
    `validation (${clips} clips, single windows): AUC ${auc.toFixed(3)}, balanced accuracy ${accuracy.balanced.toFixed(3)}` +
      ` (in sync ${accuracy.inSync.toFixed(3)}, off sync ${accuracy.offSync.toFixed(3)}), cosine ${meanInSync.toFixed(3)} / ${meanOffSync.toFixed(3)}`,
  );
  log(`data loading took ${(100 * waitShare).toFixed(1)} % of the time`);
  log(`weights: ${weights}\ncurve:   ${curve}`);
  return report as TrainExpertReport;
}

function describeStart(event: Extract<TrainExpertEvent, { kind: 'start' }>): void {
  const { clips, heldOut, leftOut, batch, parameters, replicas, resumedAt, init } = event;
  log(
    `${clips} training clips, ${heldOut.length} validation clips, ${leftOut.length} too short; ${batch} windows a step; ${(parameters / 1e6).toFixed(2)} M parameters`,
  );
  if (replicas > 1) log(`${replicas} replicas of the network, each on wasm with one thread, take a share of each step`);
  if (init && resumedAt === 0) log(`starting from the weights ${init.slice(0, 12)}`);
  if (resumedAt > 0) log(`resuming after step ${resumedAt}`);
}
