import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import {
  LAYOUTS,
  LOGIT_LABELS,
  PREPARATIONS,
  type Preparation,
  type PrepareFolderOptions,
  type PrepareProgress,
  prepareFolder,
  type StoreSplit,
  type StoreSummary,
} from '@lipsync/dataloader';
import { recipeFor, TRAINED_NETWORKS } from '@lipsync/train';
import { choice, createCommand, decimal, keysOf, type OptionsOf, UsageError, wholeNumber } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import {
  addReadingOptions,
  assertFolder,
  assertFolderOrFile,
  readingOptions,
  withDamageHint,
} from '../terminal/media-options';
import {
  expertConfigOption,
  expertOption,
  expertPrefixOption,
  expertRecipeOption,
  jsonOption,
  landmarkDetectorOption,
  landmarkQualityOption,
  startBackend,
} from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { createProgress, formatSeconds, type Progress } from '../terminal/progress';
import { loadOptions, readConfig, readPeople, readRecipe } from '../terminal/read-files';
import { resolveWeights } from '../weights/fetch-weights';
import { describeSummary, type PrepareReport } from './describe-summary';
import { mergeCommand } from './merge-command';

/** Frames from which on a video's own progress is shown: half a minute. */
const LONG_VIDEO = 750;

/** `lipsync prepare` and `lipsync prepare merge`. */
export function prepareCommand() {
  return prepareOptions()
    .action(async (videos, clips, options) => {
      const folders = await folderOptions(videos, clips, options);
      await assertFolderOrFile('VIDEOS', videos);
      const report = await showPreparation(folders);
      if (options.json) printJson(report);
    })
    .addCommand(mergeCommand());
}

/** The words of `lipsync prepare`: what the clips are for, faces and people, sync, quality, speed. */
function prepareOptions() {
  const command = qualityOptions()
    .optionsGroup('Sync:')
    .addOption(expertOption('measures offsets, so that audio can be moved (default: offsets stay unknown)'))
    .addOption(expertRecipeOption())
    .addOption(expertConfigOption())
    .addOption(expertPrefixOption())
    .addOption(
      choice('--offset <name>', 'what to do about offsets (default: the preset’s)', ['correct', 'measure', 'none']),
    )
    .addOption(wholeNumber('--max-offset <frames>', 'drop clips that are further off (default: the preset’s)'))
    .addOption(
      choice(
        '--offset-rule <name>',
        'what decides on an offset: the verdict of the network, or its LSE-C as in published pipelines (default: the preset’s; lse-c where a limit of LSE-C is given)',
        ['verdict', 'lse-c'],
      ),
    )
    .addOption(
      decimal(
        '--keep-confidence <x>',
        'by the verdict: drop clips without an answer below this confidence, 0..1; where their likeliest offset is within 2 frames 0.7 is enough (default: 0.8)',
      ),
    )
    .addOption(
      decimal(
        '--move-confidence <x>',
        'by the verdict: drop clips whose audio would be moved below this confidence, 0..1 (default: 0.97)',
      ),
    )
    .addOption(decimal('--min-confidence <x>', 'by LSE-C: drop clips with a lower one (default: the preset’s)'))
    .addOption(
      decimal(
        '--correction-confidence <x>',
        'by LSE-C: move no audio where LSE-C * sqrt(windows / 100) is lower (default: the preset’s)',
      ),
    )
    .optionsGroup('Logits of a speech recogniser (for DINet’s generator):')
    .option('--logits <dir>', 'folder with one npy file for each video, named as the video; see lipsync features')
    .addOption(
      choice('--logit-labels <name>', 'model whose labels the columns stand for', keysOf(LOGIT_LABELS)).default(
        'deepspeech' as const,
      ),
    )
    .addOption(
      choice('--logit-halve <name>', 'how 50 rows per second become 25: every second row, or the mean of two', [
        'second',
        'mean',
      ]).default('second' as const),
    );
  return addReadingOptions(command, { audio: 'video', video: 'video' })
    .optionsGroup('Speed:')
    .addOption(landmarkQualityOption())
    .addOption(landmarkDetectorOption())
    .addOption(wholeNumber('--jobs <n>', 'processes (default: all processors)', 1))
    .option('--shard <i/n>', 'prepare part i of n only, i from 0; lipsync prepare merge joins the parts');
}

function qualityOptions() {
  return targetOptions()
    .optionsGroup('Which clips to keep (defaults: the preset’s):')
    .addOption(choice('--shots <name>', 'how cuts are found', ['adaptive', 'content', 'none']))
    .addOption(choice('--faces <name>', 'which of several faces to keep', ['talking', 'largest', 'all']))
    .addOption(decimal('--segment <sec>', 'longest clip, seconds'))
    .addOption(wholeNumber('--min-frames <n>', 'drop shorter clips', 1))
    .addOption(decimal('--min-face <px>', 'drop smaller faces'))
    .addOption(decimal('--max-asymmetry <x>', 'drop faces that are turned further, 0 to 1'))
    .addOption(decimal('--max-off-centre <x>', 'drop faces further from the middle of the frame, 0 to 1 (an edge)'))
    .addOption(decimal('--min-lips-inside <x>', 'least share of the mouth’s landmarks inside the frame, 0 to 1'))
    .addOption(decimal('--min-sharpness <x>', 'least variance of the Laplacian'))
    .addOption(decimal('--min-score <x>', 'least score of the face detector, 0 to 1'))
    .addOption(decimal('--min-voiced <x>', 'least share of speech, 0 to 1'));
}

function targetOptions() {
  return createCommand(
    'prepare',
    'Builds a training set from a folder of videos: faces, crops, audio, offsets, quality. It can be stopped at any moment: the same ' +
      'command resumes.',
  )
    .usage('VIDEOS CLIPS [options]\n       lipsync prepare merge CLIPS [PARTS...] [options]')
    .argument('<videos>', 'folder of videos, at any depth')
    .argument('<clips>', 'folder for the clips')
    .addHelpText(
      'after',
      helpEnd({
        words: ['clips', 'expert', 'recipe', 'preset'],
        examples: [
          'prepare videos clips --expert pretrained',
          'prepare videos heads --head 64',
          'prepare videos part0 --shard 0/2',
        ],
      }),
    )
    .addOption(choice('--preset <name>', 'rules of the preparation', keysOf(PREPARATIONS)).default('general' as const))
    .addOption(jsonOption())
    .optionsGroup('What the clips are for:')
    .addOption(
      choice('--network <name>', 'network that will be trained', TRAINED_NETWORKS).default('avalignnet' as const),
    )
    .option(
      '--config <name>',
      'configuration of AVAlignNet: a name or a .json file (default: lite, of the thesis’s presets thesis_5_128)',
    )
    .option(
      '--recipe <file>',
      'JSON file that says how the network’s input is prepared (default: what fits the configuration)',
    )
    .addOption(
      wholeNumber(
        '--head <px>',
        'store DINet’s face images with mouths of 64, 128 or 256 pixels instead of mouth crops',
        8,
      ),
    )
    .optionsGroup('People and split:')
    .addOption(
      choice('--layout <name>', 'what the names of folders and files say', ['auto', ...keysOf(LAYOUTS)]).default(
        'auto' as const,
      ),
    )
    .option(
      '--people <file>',
      'JSON file { "video path": "name of the person" }, for folders whose layout does not say',
    )
    .option('--no-identify', 'do not embed faces, by which people are told apart where nothing says who they are')
    .addOption(decimal('--validation-share <x>', 'share of the clips for validation, split by people').default(0.15))
    .addOption(wholeNumber('--seed <n>', 'seed of the train/validation split').default(0))
    .option('--landmarks <dir>', 'folder with landmark files made elsewhere (default: files beside the videos)');
}

type PrepareWords = OptionsOf<ReturnType<typeof prepareOptions>>;

async function folderOptions(videos: string, clips: string, options: PrepareWords): Promise<PrepareFolderOptions> {
  const { head, recipe, expert, people, logits, landmarks } = options;
  for (const [option, folder] of Object.entries({ '--landmarks': landmarks, '--logits': logits }))
    if (folder !== undefined) await assertFolder(option, folder);
  if (head !== undefined && head % 8 !== 0) throw new UsageError(`--head must be a multiple of 8, got ${head}`);
  const feeding = await loadOptions({ recipe: options.expertRecipe, config: options.expertConfig }, '--expert-');
  return {
    input: resolve(videos),
    store: resolve(clips),
    recipe: recipeFor({
      network: options.network,
      config: await readConfig(options.config ?? (options.preset.startsWith('thesis-') ? 'thesis_5_128' : 'lite')),
      ...(recipe === undefined ? {} : { recipe: await readRecipe(recipe) }),
    }),
    ...(head === undefined ? {} : { crop: { kind: 'dinet head', mouth: head } }),
    preparation: preparationOf(options),
    expert: expert === undefined ? undefined : resolve(await resolveWeights(expert, '--expert')),
    expertRecipe: feeding.recipe,
    expertConfig: feeding.config,
    expertPrefix: options.expertPrefix,
    layout: options.layout,
    people: people === undefined ? undefined : await readPeople(people),
    identify: options.identify,
    landmarkQuality: options.landmarkQuality,
    landmarkDetector: options.landmarkDetector,
    jobs: options.jobs,
    ...readingOptions(options),
    landmarks: landmarks === undefined ? undefined : resolve(landmarks),
    ...(logits === undefined
      ? {}
      : { logits: resolve(logits), logitFiles: { labels: options.logitLabels, halve: options.logitHalve } }),
    shard: readShard(options.shard),
    validationShare: options.validationShare,
    seed: options.seed,
  };
}

/** The preset, with the values that were given instead. */
export function preparationOf(options: Pick<PrepareWords, 'preset'> & Partial<PrepareWords>): Preparation {
  const preset: Preparation = PREPARATIONS[options.preset];
  const { gates } = preset;
  const segmentSec = options.segment ?? preset.segmentSec;
  return {
    ...preset,
    offset: options.offset ?? preset.offset,
    maxOffset: options.maxOffset ?? preset.maxOffset,
    ...offsetRuleOf(options, preset),
    minConfidence: options.minConfidence ?? preset.minConfidence,
    correctionConfidence: options.correctionConfidence ?? preset.correctionConfidence,
    shots: options.shots ?? preset.shots,
    faces: options.faces ?? preset.faces,
    segmentSec,
    minSegmentSec: Math.min(preset.minSegmentSec, segmentSec),
    minFrames: options.minFrames ?? preset.minFrames,
    gates: {
      minFaceSize: options.minFace ?? gates.minFaceSize,
      maxAsymmetry: options.maxAsymmetry ?? gates.maxAsymmetry,
      maxOffCentre: options.maxOffCentre ?? gates.maxOffCentre,
      minLipsInside: options.minLipsInside ?? gates.minLipsInside,
      minSharpness: options.minSharpness ?? gates.minSharpness,
      minScore: options.minScore ?? gates.minScore,
      minVoiced: options.minVoiced ?? gates.minVoiced,
    },
  };
}

/** Limits of LSE-C say that it decides. */
function offsetRuleOf(
  { offsetRule, keepConfidence, moveConfidence, minConfidence, correctionConfidence }: Partial<PrepareWords>,
  preset: Preparation,
): Pick<Preparation, 'offsetRule' | 'keepConfidence' | 'moveConfidence'> {
  const byLse = minConfidence !== undefined || correctionConfidence !== undefined;
  const rule = offsetRule ?? (byLse ? 'lse-c' : preset.offsetRule);
  if (rule !== 'verdict') {
    for (const [flag, value] of Object.entries({
      '--keep-confidence': keepConfidence,
      '--move-confidence': moveConfidence,
    }))
      if (value !== undefined) throw new UsageError(`${flag} must stand with --offset-rule verdict, got ${value}`);
    // Left out, as in stores that were begun before there were verdicts.
    return { offsetRule: undefined, keepConfidence: undefined, moveConfidence: undefined };
  }
  return {
    offsetRule: rule,
    keepConfidence: keepConfidence ?? preset.keepConfidence,
    moveConfidence: moveConfidence ?? preset.moveConfidence,
  };
}

/** `2/8`: the third of eight parts. */
export function readShard(text: string | undefined): { index: number; count: number } | undefined {
  if (text === undefined) return undefined;
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (!(index < count)) throw new UsageError(`--shard must be i/n with i from 0 to n - 1, got ${text}`);
  return { index, count };
}

/** Runs a preparation to its end with a progress bar and logs what was prepared and what was dropped. */
async function showPreparation(options: PrepareFolderOptions): Promise<PrepareReport> {
  const { jobs = availableParallelism(), preparation, shard } = options;
  // Small networks on one frame at a time: a process each with one thread is faster than threads.
  if (jobs === 1) await startBackend({ backend: 'wasm' });
  if (!options.expert && (preparation?.offset ?? 'correct') !== 'none') {
    log('audio offsets stay unknown: --expert names a sync network that measures them, such as pretrained');
  }
  const started = Date.now();
  const { summary, split, preparedBefore } = await followPreparation({ ...options, jobs });
  const seconds = (Date.now() - started) / 1000;
  const realTimeFactor = (summary.minutes * 60) / seconds;
  const people = describeSummary(summary, split);
  if (shard)
    log(`part ${shard.index} of ${shard.count}: run lipsync prepare merge ${options.store} when all parts are done`);
  const rate = preparedBefore === 0 && !shard ? `, ${realTimeFactor.toFixed(1)} times real time` : ' for this part';
  log(`took ${formatSeconds(seconds)}${rate}`);
  return { ...summary, ...(people ? { people } : {}), seconds, realTimeFactor };
}

async function followPreparation(options: PrepareFolderOptions & { jobs: number }) {
  let progress: Progress | undefined;
  let ended: { summary: StoreSummary; split?: StoreSplit } | undefined;
  let [done, clips, dropped, preparedBefore] = [0, 0, 0, 0];
  const onProgress = ({ source, phase, frameCount, ofFrames }: PrepareProgress) => {
    if (frameCount < LONG_VIDEO) return; // short ones are done before it could be read
    const share = ofFrames > 0 ? `${Math.floor((100 * frameCount) / ofFrames)} %` : `${frameCount} frames`;
    progress?.update(done, `${clips} clips, ${dropped} drops; ${source}: ${phase} ${share}`);
  };
  try {
    for await (const event of prepareFolder({ ...options, onProgress, log })) {
      if (event.kind === 'start') {
        done = preparedBefore = event.alreadyDone;
        log(
          `${event.videos} videos, layout ${event.layout}, ${event.alreadyDone} of them prepared before; ${options.jobs} at a time`,
        );
        progress = createProgress({ label: 'prepare', total: event.videos });
      } else if (event.kind === 'video') {
        clips += event.result.clips.length;
        dropped += event.result.dropped.length;
        const { notes = [] } = event.result;
        for (const note of notes) progress?.log(`${JSON.stringify(event.result.source).slice(1, -1)}: note: ${note}`);
        for (const { source, track, segment, reason, detail } of event.result.dropped) {
          const place = `${track === undefined ? '' : ` face ${track}`}${segment === undefined ? '' : ` segment ${segment}`}`;
          progress?.log(
            `dropped ${JSON.stringify(source).slice(1, -1)}${place}: ${withDamageHint(`${reason}: ${detail}`)}`,
          );
        }
        done = event.done;
        progress?.update(done, `${clips} clips, ${dropped} drops`);
      } else {
        ended = event;
      }
    }
  } finally {
    progress?.stop();
  }
  return { ...ended!, preparedBefore };
}
