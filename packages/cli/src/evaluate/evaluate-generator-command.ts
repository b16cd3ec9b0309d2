import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import type { MediaReader } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { parseClipId } from '@lipsync/dataloader';
import { openMedia } from '@lipsync/media';
import { loadExpert } from '@lipsync/score';
import {
  type EvaluateGeneratorOptions,
  evaluateGenerator,
  type GeneratorEvaluation,
  loadGenerator,
} from '@lipsync/train';
import { choice, createCommand, type OptionsOf, UsageError, wholeNumber } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { assertFolderOrFile } from '../terminal/media-options';
import { openClips } from '../terminal/open-clips';
import {
  backendOption,
  heldOutOption,
  jsonOption,
  startBackend,
  threadsOption,
  verboseOption,
} from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { createProgress } from '../terminal/progress';
import { loadOptions } from '../terminal/read-files';
import { resolveWeights } from '../weights/fetch-weights';
import { comparisonTable, generatorTable, PUBLISHED_DINET } from './generator-table';
import { readFid, readLpips } from './read-networks';
import { validationClips } from './validation-clips';

/** `lipsync evaluate generator`. */
export function evaluateGeneratorCommand() {
  return generatorOptions().action(runEvaluateGenerator);
}

function generatorOptions() {
  return createCommand(
    'generator',
    'Measures a generator on validation clips of face images (lipsync prepare --head N): image quality, sharpness and sync, beside two ' +
      'baselines; with a sheet of frames.',
  )
    .argument('<clips>', 'folder made by lipsync prepare --head')
    .requiredOption(
      '--weights <files>',
      'weights of one generator, or of several separated by commas: of lipsync train generator, or DINet’s or Wav2Lip’s published file',
    )
    .option('--out <dir>', 'folder for report.json and sheet.png (default: evaluation, beside the first weights)')
    .addOption(heldOutOption())
    .addOption(wholeNumber('--max-clips <n>', 'most clips, evenly spread (default: all validation clips)', 1))
    .addOption(wholeNumber('--max-frames <n>', 'most frames of a clip, from its first (default: all)', 12))
    .addOption(
      choice(
        '--other-audio <name>',
        'audio for the rows “other”: of another clip, or the clip’s own shifted by half its length',
        ['clip', 'shifted'],
      ).default('clip' as const),
    )
    .addOption(wholeNumber('--sheet <n>', 'frames on the sheet, 0 for no sheet').default(8))
    .addOption(wholeNumber('--seed <n>', 'seed of the references, the sheet and a random split').default(0))
    .addOption(jsonOption())

    .optionsGroup('Networks that measure:')
    .option(
      '--expert <files>',
      'weights of one or more sync networks, separated by commas (default: no LSE-D and LSE-C)',
    )
    .option(
      '--expert-recipe <files>',
      'their recipes (JSON) in the same order, if their files have none; leave one empty to skip it',
    )
    .option('--expert-config <names>', 'their configurations in the same order, if their files have none')
    .option(
      '--videos <dir>',
      'folder that the clips were prepared from: its frames surround the face images for sync networks with a larger crop, such as SyncNet ' +
        '(default: such crops are filled outside)',
    )
    .option(
      '--lpips <files>',
      'torchvision’s network and the linear layers of LPIPS, such as alexnet,lpips-alex once fetched (default: no LPIPS)',
    )
    .option('--fid <file>', 'pytorch-fid’s Inception network, such as fid-inception once fetched (default: no FID)')

    .optionsGroup('Speed and memory:')
    .addOption(wholeNumber('--chunk <n>', 'frames in the generator at a time', 1).default(8))
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['clips', 'expert', 'recipe'],
        examples: [
          'evaluate generator heads --weights clip/weights.safetensors --expert expert/weights.safetensors',
          'evaluate generator heads --weights dinet/weights.safetensors,wav2lip/weights.safetensors --expert pretrained,syncnet_v2.model',
        ],
      }),
    );
}

type GeneratorWords = OptionsOf<ReturnType<typeof generatorOptions>>;

/** Rows of the sheet from the top; the sheet has no room for words. */
const SHEET_ROWS = 'source, masked, first reference, generated, real, generated from the other audio';

async function runEvaluateGenerator(folder: string, options: GeneratorWords): Promise<void> {
  if (options.videos !== undefined) await assertFolderOrFile('--videos', options.videos);
  const files = options.weights.split(',').filter((file) => file !== '');
  if (files.length === 0)
    throw new UsageError(`--weights must be at least one file, got ${JSON.stringify(options.weights)}`);
  const paths = await Promise.all(files.map(async (file) => resolve(await resolveWeights(file))));
  const given = await Promise.all(
    expertFiles(options).map(async (one) => ({ ...one, file: await resolveWeights(one.path, '--expert') })),
  );
  for (const file of options.lpips?.split(',') ?? []) await resolveWeights(file, '--lpips');
  if (options.fid !== undefined) await resolveWeights(options.fid, '--fid');
  const store = await openClips(folder);
  const { clips } = await validationClips(store, options);
  await startBackend(options);
  const owned: { dispose(): void }[] = [];
  const own = <A extends { dispose(): void }>(thing: A): A => {
    owned.push(thing);
    return thing;
  };
  const progress = createProgress({ label: 'evaluate', total: clips.length * paths.length });
  try {
    const experts: SyncExpert[] = [];
    for (const one of given) experts.push(own(await loadExpert(one.file, await loadOptions(one, '--expert-'))));
    const shared = {
      ...{ store, clips, experts },
      lpips: options.lpips === undefined ? undefined : own(await readLpips(options.lpips.split(','))),
      fid: options.fid === undefined ? undefined : own(await readFid(options.fid)),
      otherAudio: options.otherAudio,
      sourceFrames: options.videos === undefined ? undefined : framesOf(options.videos, await openMedia({ log })),
      framesPerClip: options.maxFrames,
      batch: options.chunk,
      sheet: options.sheet,
      seed: options.seed,
    };
    const evaluated: Evaluated[] = [];
    for (const [i, path] of paths.entries()) {
      const generator = await loadGenerator(path);
      try {
        const onClip = (done: number) => progress.update(i * clips.length + done);
        const evaluation = await evaluateGenerator({ ...shared, generator, onClip });
        evaluated.push({
          weights: files[i],
          generator: generator.name,
          weightsHash: generator.weightsHash,
          evaluation,
        });
      } finally {
        generator.dispose();
      }
    }
    progress.stop();
    const out = resolve(options.out ?? join(paths[0], '..', 'evaluation'));
    const { report, sheets } = await writeEvaluations(out, evaluated, folder);
    if (options.json) printJson(report);
    else if (evaluated.length === 1) process.stdout.write(`${generatorTable(evaluated[0].evaluation)}\n`);
    else process.stdout.write(`${comparisonTable(evaluated)}\n`);
    log(`report: ${join(out, 'report.json')}`);
    for (const sheet of sheets) log(`sheet:  ${join(out, sheet)} (${SHEET_ROWS})`);
  } finally {
    progress.stop();
    for (const thing of owned) thing.dispose();
  }
}

/** A generator and what was measured of it. */
type Evaluated = { weights: string; generator: string; weightsHash?: string; evaluation: GeneratorEvaluation };

/**
 * Writes `report.json` and the sheets into a folder: `sheet.png` of one generator, `sheet-1.png` and so on of several.
 *
 * @returns the report, and the names of the sheets.
 */
async function writeEvaluations(
  out: string,
  evaluated: readonly Evaluated[],
  clips: string,
): Promise<{ report: Record<string, unknown>; sheets: string[] }> {
  await mkdir(out, { recursive: true });
  const sheets: string[] = [];
  const entries: Record<string, unknown>[] = [];
  for (const [i, { weights, generator, weightsHash, evaluation: measured }] of evaluated.entries()) {
    const { sheet, ...evaluation } = measured;
    const file = evaluated.length === 1 ? 'sheet.png' : `sheet-${i + 1}.png`;
    if (sheet) {
      await writeFileAtomic(join(out, file), sheet);
      sheets.push(file);
    }
    const shown = sheet ? { sheet: { file, rows: SHEET_ROWS } } : {};
    entries.push({ weights, generator, weightsHash, clips, evaluation, ...shown });
  }
  const published = {
    note: 'thesis, Table 3.1: other data, mouth 128 px, LSE of SyncNet; for orientation only',
    rows: PUBLISHED_DINET,
  };
  const report = entries.length === 1 ? { ...entries[0], published } : { clips, generators: entries, published };
  await writeFileAtomic(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  return { report, sheets };
}

/** Frames of clips from the videos that they were prepared from. */
function framesOf(folder: string, reader: MediaReader): NonNullable<EvaluateGeneratorOptions['sourceFrames']> {
  return async function* ({ id, firstFrame, frameCount }) {
    for await (const frame of reader.frames(join(folder, parseClipId(id).source), { first: firstFrame })) {
      if (frame.index >= firstFrame + frameCount) return;
      if (frame.index >= firstFrame) yield frame;
    }
  };
}

function expertFiles({ expert, expertRecipe, expertConfig }: GeneratorWords) {
  const list = (text = '') => text.split(',');
  const [recipes, configs] = [list(expertRecipe), list(expertConfig)];
  return list(expert)
    .filter((path) => path !== '')
    .map((path, i) => ({ path, recipe: recipes[i] || undefined, config: configs[i] || undefined }));
}
