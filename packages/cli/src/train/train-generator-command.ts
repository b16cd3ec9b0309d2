import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readStateDict } from '@lipsync/checkpoints';
import { ClipStore } from '@lipsync/dataloader';
import { assertDinetConfig, DINET, type DinetConfig, LITE_DINET, THESIS_DINET } from '@lipsync/dinet';
import { ImageFeatures } from '@lipsync/nn';
import type { GeneratorCheck } from '@lipsync/train';
import {
  type TrainGeneratorEvent,
  type TrainGeneratorOptions,
  type TrainGeneratorReport,
  trainGenerator,
} from '@lipsync/train';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress, formatSeconds, type Progress } from '../terminal/progress';
import { BACKEND_OPTIONS, readExpert, readList, say, startBackend } from '../terminal/setup';

const CONFIGS: Readonly<Record<string, DinetConfig>> = { lite: LITE_DINET, thesis: THESIS_DINET, published: DINET };

export const TRAIN_DINET: CommandSpec = {
  name: 'train-dinet',
  positionals: 'CLIPS --out DIR',
  summary:
    'Trains DINet on face images (lipsync prepare --head N), one stage a run. Stop it at any moment: the same command resumes where it stopped.',
  options: {
    out: { kind: 'text', value: 'DIR', help: 'weights, curve, log and report go here' },
    stage: {
      kind: 'choice',
      choices: ['frame', 'clip'],
      default: 'frame',
      help: 'single frames, or frames in a row with the sync loss',
    },
    from: { kind: 'text', value: 'FILE', help: 'weights to start from: of the stage before, or of a smaller mouth' },
    config: {
      kind: 'text',
      value: 'NAME',
      default: 'lite',
      help: `of a new generator: ${Object.keys(CONFIGS).join(', ')}, or a .json file`,
    },
    steps: { kind: 'whole', value: 'N', min: 1, default: 1000, help: 'optimiser steps in all' },
    expert: {
      kind: 'text',
      value: 'FILE',
      help: 'clip stage: weights of the sync network that teaches; none if not given',
    },
    'expert-recipe': { kind: 'text', value: 'FILE', help: 'its recipe (JSON), where its file has none' },
    'expert-config': { kind: 'text', value: 'NAME', help: 'its configuration, where its file has none' },
    perceptual: {
      kind: 'text',
      value: 'FILE',
      help: 'VGG-19 with ImageNet’s weights (torchvision’s vgg19), or none: train without the perceptual loss',
    },
    'sync-weight': { kind: 'number', value: 'X', min: 0, default: 0.1, help: 'of the sync loss' },
    'image-weight': { kind: 'number', value: 'X', min: 0, default: 1, help: 'of the squared error of frames' },
    'gan-weight': { kind: 'number', value: 'X', min: 0, default: 1, help: 'of the discriminators’ opinion' },
    batch: {
      kind: 'whole',
      value: 'N',
      min: 1,
      help: 'frames (frame) or rows of frames (clip) a step; 24 and 3 if not given',
    },
    chunk: {
      kind: 'whole',
      value: 'N',
      min: 1,
      help: 'most of them in the network at a time, for less memory; all if not given',
    },
    'learning-rate': {
      kind: 'number',
      value: 'X',
      min: 0,
      default: 1e-4,
      help: 'of the first half; falls to 0 over the second',
    },
    'clip-norm': {
      kind: 'number',
      value: 'X',
      min: 0,
      help: 'largest norm of the generator’s gradients; none if not given',
    },
    'held-out': {
      kind: 'text',
      value: 'FILE',
      help: 'names of the videos to hold for validation, one a line; the split of lipsync prepare if not given',
    },
    seed: { kind: 'whole', value: 'N', min: 0, default: 0, help: 'of first weights and batches' },
    workers: { kind: 'whole', value: 'N', min: 0, default: 1, help: 'threads that make batches' },
    'checkpoint-every': { kind: 'whole', value: 'N', min: 1, default: 50, help: 'steps between checkpoints' },
    'validate-every': {
      kind: 'whole',
      value: 'N',
      min: 0,
      default: 100,
      help: 'steps between validations, 0 for none',
    },
    json: { kind: 'flag', help: 'prints the report as JSON' },
    ...BACKEND_OPTIONS,
  },
};

export async function runTrainDinet({ positionals, values }: ParsedCommand): Promise<void> {
  if (positionals.length !== 1)
    throw new UsageError(
      `lipsync train-dinet: CLIPS must be one folder made by lipsync prepare --head, got ${positionals.length}`,
    );
  if (!values.out) throw new UsageError('lipsync train-dinet: --out must be a folder for the run, got none');
  await startBackend(values);
  const text = (name: string) => values[name] as string | undefined;
  const expertPath = text('expert');
  const heldOut = text('held-out');
  const perceptual = await readPerceptual(text('perceptual'));
  const expert = expertPath
    ? await readExpert(expertPath, { recipe: text('expert-recipe'), config: text('expert-config') })
    : undefined;
  const report = await showGeneratorTraining({
    store: await ClipStore.open(resolve(positionals[0])),
    out: resolve(values.out as string),
    stage: values.stage as 'frame' | 'clip',
    from: text('from'),
    config: await readDinetConfig(values.config as string),
    steps: values.steps as number,
    expert,
    perceptual,
    weights: {
      sync: values['sync-weight'] as number,
      image: values['image-weight'] as number,
      gan: values['gan-weight'] as number,
    },
    batch: values.batch as number | undefined,
    chunk: values.chunk as number | undefined,
    learningRate: values['learning-rate'] as number,
    clipNorm: values['clip-norm'] as number | undefined,
    ...(heldOut ? { heldOut: await readList(heldOut) } : {}),
    seed: values.seed as number,
    workers: values.workers as number,
    checkpointEvery: values['checkpoint-every'] as number,
    validateEvery: values['validate-every'] as number,
  });
  if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

/** VGG-19 for the perceptual loss from torchvision's file, or `none` where that was asked for. */
export async function readPerceptual(path: string | undefined): Promise<ImageFeatures | 'none'> {
  if (path === 'none') return 'none';
  if (path === undefined) {
    throw new UsageError(
      '--perceptual must be a file with the weights of VGG-19, or none, got neither: torchvision’s vgg19-dcbb9e9d.pth (548 MB) is not brought along; ' +
        'with --perceptual none training goes without this loss, and its report says so',
    );
  }
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

async function readDinetConfig(nameOrPath: string): Promise<DinetConfig> {
  if (Object.hasOwn(CONFIGS, nameOrPath)) return CONFIGS[nameOrPath];
  if (!nameOrPath.endsWith('.json'))
    throw new UsageError(
      `--config must be a .json file or one of ${Object.keys(CONFIGS).join(', ')}, got ${nameOrPath}`,
    );
  return assertDinetConfig('--config', JSON.parse(await readFile(nameOrPath, 'utf8')));
}

/** Runs a training to its end with a progress bar and says what came out. */
export async function showGeneratorTraining(options: TrainGeneratorOptions): Promise<TrainGeneratorReport> {
  let progress: Progress | undefined;
  let report: TrainGeneratorReport | undefined;
  const log = (line: string) => (progress ? progress.log(line) : say(line));
  try {
    for await (const event of trainGenerator(options)) {
      if (event.kind === 'start') {
        describeStart(event);
        progress = createProgress({ label: `train ${options.stage ?? 'frame'}`, total: event.steps });
      } else if (event.kind === 'step') {
        const { step, image, sync, framesPerSec } = event.entry;
        const taught = Number.isFinite(sync) ? ` sync ${sync.toFixed(3)}` : '';
        progress?.update(step, `squared error ${image.toFixed(4)}${taught} ${framesPerSec.toFixed(1)} frames/s`);
      } else if (event.kind === 'validation') {
        log(`step ${event.step}: ${checkInWords(event.validation)}`);
      } else if (event.kind === 'warning') {
        log(`warning: ${event.text}`);
      } else {
        report = event.report;
      }
    }
  } finally {
    progress?.stop();
  }
  const done = report as TrainGeneratorReport;
  say(
    `trained on ${done.frameCount} frames in ${formatSeconds(done.seconds)}${done.perceptual === 'none' ? ', without the perceptual loss' : ''}`,
  );
  say(checkInWords(done.validation));
  say(`weights: ${done.weights}\ncurve:   ${done.curve}`);
  return done;
}

function describeStart(event: Extract<TrainGeneratorEvent, { kind: 'start' }>): void {
  const { clips, heldOut, leftOut, frameCount, parameters, mouth, resumedAt } = event;
  say(
    `${clips} clips to learn from, ${heldOut.length} held out, ${leftOut.length} too short; mouth ${mouth} px; ${frameCount} frames a step; ${(parameters / 1e6).toFixed(2)} M parameters`,
  );
  if (resumedAt > 0) say(`going on after step ${resumedAt}`);
}

/** `PSNR of the mouth 24.1 dB (80 frames of held-out clips), cosine 0.31 painted, 0.55 true (ceiling), 0.12 with other audio`. */
export function checkInWords({ on, frameCount, psnr, cosine }: GeneratorCheck): string {
  const heard = cosine
    ? `, cosine ${cosine.generated.toFixed(3)} painted, ${cosine.real.toFixed(3)} true (ceiling), ${cosine.generatedOther.toFixed(3)} with other audio`
    : '';
  return `PSNR of the mouth ${psnr.toFixed(2)} dB (${frameCount} frames of ${on} clips)${heard}`;
}
