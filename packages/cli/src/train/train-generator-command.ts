import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readStateDict } from '@lipsync/checkpoints';
import { ImageFeatures } from '@lipsync/nn';
import {
  GENERATOR_NETWORKS,
  type GeneratorCheck,
  type GeneratorNetworkName,
  type TrainGeneratorEvent,
  type TrainGeneratorOptions,
  type TrainGeneratorReport,
  trainGenerator,
} from '@lipsync/train';
import { REPLICATION_SCHEDULE, WAV2LIP_GAN_SCHEDULE, WAV2LIP_SCHEDULE } from '@lipsync/wav2lip';
import { announceTime } from '../terminal/announce-time';
import { choice, createCommand, decimal, keysOf, type OptionsOf, UsageError, wholeNumber } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { assertOutFolder, openClips } from '../terminal/open-clips';
import {
  backendOption,
  expertConfigOption,
  expertOption,
  expertPrefixOption,
  expertRecipeOption,
  heldOutOption,
  jsonOption,
  startBackend,
  threadsOption,
  verboseOption,
} from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { createProgress, formatSeconds, type Progress } from '../terminal/progress';
import { readHelper, readJson, readList } from '../terminal/read-files';
import { resolveWeights } from '../weights/fetch-weights';

const SCHEDULES = { published: WAV2LIP_SCHEDULE, gan: WAV2LIP_GAN_SCHEDULE, replication: REPLICATION_SCHEDULE };
const NETWORKS = keysOf(GENERATOR_NETWORKS);

/** `lipsync train generator`. */
export function trainGeneratorCommand() {
  return generatorOptions().action(runGeneratorTraining);
}

/** The words of `lipsync train generator`. */
function generatorOptions() {
  return lossOptions()
    .optionsGroup('Training:')
    .addOption(
      wholeNumber(
        '--batch <n>',
        'frames (stage frame, default: 24) or clips (stage clip, default: 3) in a batch; of Wav2Lip and LipGAN 16',
        1,
      ),
    )
    .addOption(decimal('--learning-rate <x>', 'learning rate; DINet’s falls to 0 over the second half').default(1e-4))
    .addOption(decimal('--clip-norm <x>', 'largest norm of the generator’s gradients (default: no limit)'))
    .addOption(wholeNumber('--seed <n>', 'seed of first weights, batches and a random split').default(0))
    .addOption(wholeNumber('--checkpoint-every <n>', 'steps between two checkpoints', 1).default(50))
    .addOption(wholeNumber('--validate-every <n>', 'steps between two validations, 0 for none on the way').default(100))

    .optionsGroup('Speed and memory:')
    .addOption(wholeNumber('--workers <n>', 'threads that make batches').default(1))
    .addOption(wholeNumber('--chunk <n>', 'most rows in the network at a time, to save memory (default: all)', 1))
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['expert', 'clips', 'recipe'],
        examples: [
          'train generator heads --out frame --perceptual none --steps 4000',
          'train generator heads --stage clip --from frame/weights.safetensors --expert expert/weights.safetensors --perceptual none --out clip',
          'train generator heads --generator wav2lip --schedule gan --expert expert/weights.safetensors --out wav2lip',
        ],
      }),
    );
}

function lossOptions() {
  return createCommand(
    'generator',
    'Trains a generator on face images (lipsync prepare --head N), one stage a run. It can be stopped at any moment: the same command resumes the run.',
  )
    .argument('<clips>', 'folder made by lipsync prepare --head')
    .requiredOption('--out <dir>', 'folder for weights, learning curve, log and report')
    .addOption(choice('--generator <name>', 'the network and how it is trained', NETWORKS).default('dinet' as const))
    .addOption(
      choice(
        '--stage <name>',
        'frame: single frames; clip: consecutive frames, with the sync loss (default: frame; of wav2lip clip)',
        ['frame', 'clip'],
      ),
    )
    .addOption(wholeNumber('--steps <n>', 'optimiser steps in all', 1).default(1000))
    .addOption(heldOutOption())
    .addOption(jsonOption())

    .optionsGroup('Network:')
    .option('--from <file>', 'weights to start from: those of the stage before, or of a smaller mouth')
    .option(
      '--config <name>',
      'configuration of a new generator: lite, published, of dinet also thesis, or a .json file (default: lite)',
    )

    .optionsGroup('Losses:')
    .addOption(expertOption('supervises the clip stage (default: none)'))
    .addOption(
      choice(
        '--expert-mode <name>',
        'BatchNorm of the expert of wav2lip; as-published: by the statistics of each batch',
        ['eval', 'as-published'],
      ).default('eval' as const),
    )
    .addOption(expertRecipeOption())
    .addOption(expertConfigOption())
    .addOption(expertPrefixOption())
    .option(
      '--perceptual <file>',
      'VGG-19 with ImageNet weights (torchvision’s vgg19), or none to train without the perceptual loss; must be given for dinet',
    )
    .addOption(
      choice(
        '--schedule <name>',
        'losses of wav2lip; published: sync loss 0.01; gan: sync loss 0.03 and quality discriminator 0.07; replication: sync loss 0.03; it sets in ' +
          'once that of validation clips is below 0.75',
        keysOf(SCHEDULES),
      ).default('published' as const),
    )
    .addOption(decimal('--sync-weight <x>', 'weight of the sync loss of dinet (default: 0.1)'))
    .addOption(decimal('--image-weight <x>', 'weight of the squared error of frames of dinet (default: 1)'))
    .addOption(decimal('--gan-weight <x>', 'weight of the adversarial loss of dinet (default: 1)'));
}

type GeneratorWords = OptionsOf<ReturnType<typeof generatorOptions>>;

async function runGeneratorTraining(clips: string, words: GeneratorWords): Promise<void> {
  const {
    json,
    backend,
    threads,
    verbose,
    config,
    heldOut,
    expertMode,
    schedule,
    expert,
    expertRecipe,
    expertConfig,
    expertPrefix,
    ...rest
  } = words;
  const { syncWeight, imageWeight, ganWeight, perceptual, from, ...options } = rest;
  // All that was named is there, before anything takes time.
  await assertOutFolder(options.out);
  const vgg = await resolvePerceptual(options.generator, perceptual);
  refuseWeights(options.generator, { syncWeight, imageWeight, ganWeight });
  const plan = {
    ...options,
    store: await openClips(clips),
    out: resolve(options.out),
    config: await readConfig(options.generator, config),
    from: from === undefined ? undefined : await resolveWeights(from, '--from'),
    weights: { sync: syncWeight ?? 0.1, image: imageWeight ?? 1, gan: ganWeight ?? 1 },
    expertMode: expertMode === 'eval' ? ('eval' as const) : ('as published' as const),
    schedule: options.generator === 'wav2lip' ? SCHEDULES[schedule] : undefined,
    heldOut: heldOut === undefined ? undefined : await readList(heldOut),
  };
  const expertFile = expert === undefined ? undefined : await resolveWeights(expert, '--expert');
  await startBackend({ backend, threads, verbose });
  const network = await readPerceptual(vgg);
  const supervisor = await readHelper({ expert: expertFile, expertRecipe, expertConfig, expertPrefix });
  try {
    const report = await showGeneratorTraining({ ...plan, expert: supervisor, perceptual: network });
    if (json) printJson(report);
  } finally {
    supervisor?.dispose();
    if (network !== 'none') network.dispose();
  }
}

/** Refuses weights of losses that a network does not have. */
function refuseWeights(generator: GeneratorNetworkName, weights: Record<string, number | undefined>): void {
  if (generator === 'dinet') return;
  const given = Object.entries(weights).find(([, value]) => value !== undefined);
  if (!given) return;
  const flag = `--${given[0].replace('Weight', '-weight')}`;
  throw new UsageError(
    `${flag} must be left out with --generator ${generator}, whose losses have fixed weights, got ${given[1]}`,
  );
}

/** The path of VGG-19's weights, or `none`. */
async function resolvePerceptual(generator: GeneratorNetworkName, path: string | undefined): Promise<string> {
  if (!GENERATOR_NETWORKS[generator].takes.perceptual) {
    if (path !== undefined && path !== 'none')
      throw new UsageError(
        `--perceptual must be left out with --generator ${generator}, which has no such loss, got ${path}`,
      );
    return 'none';
  }
  if (path === undefined) {
    throw new UsageError(
      '--perceptual must be the weights of VGG-19 or none, got none of both: fetch them (548 MB) by `lipsync weights fetch vgg19` and give ' +
        '--perceptual vgg19; with --perceptual none the network is trained without this loss, and the report says so',
    );
  }
  return path === 'none' ? path : resolveWeights(path, '--perceptual');
}

/** VGG-19 for the perceptual loss from torchvision's file, or `none`. */
export async function readPerceptual(path: string): Promise<ImageFeatures | 'none'> {
  if (path === 'none') return 'none';
  const network = new ImageFeatures('vgg19');
  try {
    const { state } = await readStateDict(await readFile(path));
    network.loadStateDict(new Map([...state].filter(([name]) => name.startsWith('features.'))), { where: path });
    return network;
  } catch (error) {
    network.dispose();
    throw error;
  }
}

/** A configuration by name or from a file; undefined for the default. */
async function readConfig(
  generator: GeneratorNetworkName,
  nameOrPath: string | undefined,
): Promise<TrainGeneratorOptions['config']> {
  if (nameOrPath === undefined) return undefined;
  const { configs, assertConfig } = GENERATOR_NETWORKS[generator];
  const named = Object.entries(configs).find(([name]) => name === nameOrPath);
  if (named) return named[1];
  if (!nameOrPath.endsWith('.json'))
    throw new UsageError(
      `--config must be a .json file or one of ${Object.keys(configs).join(', ')}, got ${nameOrPath}`,
    );
  return assertConfig('--config', await readJson('--config', nameOrPath));
}

/** Runs a training to its end with a progress bar and logs its result. */
async function showGeneratorTraining(options: TrainGeneratorOptions): Promise<TrainGeneratorReport> {
  let progress: Progress | undefined;
  let report: TrainGeneratorReport | undefined;
  let announce: ((step: number) => void) | undefined;
  const note = (line: string) => (progress ? progress.log(line) : log(line));
  try {
    for await (const event of trainGenerator(options)) {
      if (event.kind === 'start') {
        describeStart(event);
        progress = createProgress({ label: `train ${options.generator ?? 'dinet'}`, total: event.steps });
        announce = announceTime(event.steps, progress.log);
      } else if (event.kind === 'step') {
        const { step, image, sync, framesPerSec } = event.entry;
        const error = options.generator === 'dinet' ? 'squared error' : 'absolute error';
        const supervised = Number.isFinite(sync) ? ` sync ${sync.toFixed(3)}` : '';
        progress?.update(step, `${error} ${image.toFixed(4)}${supervised} ${framesPerSec.toFixed(1)} frames/s`);
        announce?.(step);
      } else if (event.kind === 'validation') {
        note(`step ${event.step}: ${describeCheck(event.validation)}`);
      } else if (event.kind === 'warning') {
        note(`warning: ${event.text}`);
      } else {
        report = event.report;
      }
    }
  } finally {
    progress?.stop();
  }
  const done = report as TrainGeneratorReport;
  log(
    `trained on ${done.frameCount} frames in ${formatSeconds(done.seconds)}${done.perceptual === 'none' && done.generator === 'dinet' ? ', without the perceptual loss' : ''}`,
  );
  if (done.syncSetIn !== undefined) log(`the sync loss set in after step ${done.syncSetIn}`);
  log(describeCheck(done.validation));
  log(`weights: ${done.weights}\ncurve:   ${done.curve}`);
  return done;
}

function describeStart(event: Extract<TrainGeneratorEvent, { kind: 'start' }>): void {
  const { clips, heldOut, leftOut, frameCount, parameters, mouth, resumedAt } = event;
  log(
    `${clips} training clips, ${heldOut.length} validation clips, ${leftOut.length} too short; mouth ${mouth} px; ${frameCount} frames a step; ${(parameters / 1e6).toFixed(2)} M parameters`,
  );
  if (resumedAt > 0) log(`resuming after step ${resumedAt}`);
}

/** `PSNR of the mouth 24.1 dB (80 frames of held-out clips), cosine 0.31 generated, 0.55 real (upper bound), 0.12 with other audio`. */
export function describeCheck({ on, frameCount, psnr, cosine, crossEntropy }: GeneratorCheck): string {
  const cosines = cosine
    ? `, cosine ${cosine.generated.toFixed(3)} generated, ${cosine.real.toFixed(3)} real (upper bound), ${cosine.generatedOther.toFixed(3)} with other audio${crossEntropy === undefined ? '' : `, sync loss ${crossEntropy.toFixed(3)}`}`
    : '';
  return `PSNR of the mouth ${psnr.toFixed(2)} dB (${frameCount} frames of ${on} clips)${cosines}`;
}
