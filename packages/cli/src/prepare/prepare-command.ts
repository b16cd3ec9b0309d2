import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { LandmarkQuality, PrepareFolderOptions } from '@lipsync/dataloader';
import {
  LAYOUTS,
  type LayoutName,
  LOGIT_LABELS,
  type LogitFiles,
  mergeStores,
  PREPARATIONS,
  type Preparation,
  type PreparationName,
  type PrepareProgress,
  prepareFolder,
  type StoreSplit,
  type StoreSummary,
} from '@lipsync/dataloader';
import { recipeFor, TRAINED_NETWORKS, type TrainedNetworkName } from '@lipsync/train';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress, formatSeconds, type Progress } from '../terminal/progress';
import { LANDMARK_QUALITY_OPTION, readConfig, readRecipe, say, startBackend } from '../terminal/setup';

/** Frames from which on a video's own progress is shown: half a minute. */
const LONG_VIDEO = 750;
const FROM_PRESET = 'as the preset says if not given';

export const PREPARE: CommandSpec = {
  name: 'prepare',
  positionals: 'VIDEOS CLIPS',
  summary:
    'Makes clips for training of a folder of videos: faces, crops, audio, offsets, quality. Stop it at any moment: the same command goes on. ' +
    'lipsync prepare merge CLIPS [PARTS...] puts together what --shard prepared.',
  options: {
    preset: {
      kind: 'choice',
      choices: Object.keys(PREPARATIONS),
      default: 'general',
      help: 'what is done and what is kept',
    },
    network: {
      kind: 'choice',
      choices: TRAINED_NETWORKS,
      default: 'avalignnet',
      help: 'the network that the clips are for',
    },
    config: { kind: 'text', value: 'NAME', default: 'lite', help: 'of avalignnet: its configuration' },
    recipe: { kind: 'text', value: 'FILE', help: 'or its recipe (JSON)' },
    head: {
      kind: 'whole',
      value: 'N',
      min: 8,
      help: 'stores DINet’s face images with mouths of N pixels (64, 128 or 256) instead of mouth crops',
    },
    expert: { kind: 'text', value: 'FILE', help: 'weights of a sync network: measures offsets and moves the audio' },
    'expert-recipe': { kind: 'text', value: 'FILE', help: 'its recipe (JSON), where its file has none' },
    'expert-config': { kind: 'text', value: 'NAME', help: 'its configuration, where its file has none' },
    offset: {
      kind: 'choice',
      choices: ['correct', 'measure', 'none'],
      help: `what is done about offsets; ${FROM_PRESET}`,
    },
    'max-offset': { kind: 'whole', value: 'N', min: 0, help: `clips further off are dropped, frames; ${FROM_PRESET}` },
    'min-confidence': {
      kind: 'number',
      value: 'X',
      min: 0,
      help: `clips with a lower LSE-C are dropped; ${FROM_PRESET}`,
    },
    'sure-confidence': {
      kind: 'number',
      value: 'X',
      min: 0,
      help: `below this LSE-C * sqrt(windows / 100) no audio is moved; ${FROM_PRESET}`,
    },
    shots: { kind: 'choice', choices: ['adaptive', 'content', 'none'], help: `how cuts are found; ${FROM_PRESET}` },
    faces: { kind: 'choice', choices: ['talking', 'largest', 'all'], help: `which of several faces; ${FROM_PRESET}` },
    segment: { kind: 'number', value: 'SEC', min: 0.2, help: `longest clip; ${FROM_PRESET}` },
    'min-frames': { kind: 'whole', value: 'N', min: 1, help: `shorter clips are dropped; ${FROM_PRESET}` },
    'min-face': { kind: 'number', value: 'PX', min: 0, help: `smaller faces are dropped; ${FROM_PRESET}` },
    'max-asymmetry': {
      kind: 'number',
      value: 'X',
      min: 0,
      help: `more turned faces are dropped, 0 to 1; ${FROM_PRESET}`,
    },
    'min-lips-inside': {
      kind: 'number',
      value: 'X',
      min: 0,
      help: `least share of the mouth inside the frame; ${FROM_PRESET}`,
    },
    'min-sharpness': { kind: 'number', value: 'X', min: 0, help: `least variance of the Laplacian; ${FROM_PRESET}` },
    'min-score': { kind: 'number', value: 'X', min: 0, help: `least score of the face detector; ${FROM_PRESET}` },
    'min-voiced': { kind: 'number', value: 'X', min: 0, help: `least share of speech; ${FROM_PRESET}` },
    layout: {
      kind: 'choice',
      choices: ['auto', ...Object.keys(LAYOUTS)],
      default: 'auto',
      help: 'what the names of folders and files say',
    },
    identify: {
      kind: 'choice',
      choices: ['yes', 'no'],
      default: 'yes',
      help: 'looks at each face, to tell people apart',
    },
    'validation-share': {
      kind: 'number',
      value: 'X',
      min: 0,
      default: 0.15,
      help: 'share of clips held for validation, by people',
    },
    seed: { kind: 'whole', value: 'N', min: 0, default: 0, help: 'of the split' },
    landmarkQuality: LANDMARK_QUALITY_OPTION,
    landmarks: {
      kind: 'text',
      value: 'DIR',
      help: 'landmark files made elsewhere; those beside the videos are used if not given',
    },
    features: {
      kind: 'text',
      value: 'DIR',
      help: 'a speech recogniser’s logits (npy) by the videos’ names: clips keep them for DINet; see lipsync features',
    },
    'feature-labels': {
      kind: 'choice',
      choices: Object.keys(LOGIT_LABELS),
      default: 'deepspeech',
      help: 'what their columns stand for',
    },
    'feature-halve': {
      kind: 'choice',
      choices: ['second', 'mean'],
      default: 'second',
      help: 'how 50 rows a second become 25',
    },
    jobs: { kind: 'whole', value: 'N', min: 1, help: 'processes; all processors if not given' },
    shard: { kind: 'text', value: 'I/N', help: 'prepares part I of N, I from 0; lipsync prepare merge ends it' },
    json: { kind: 'flag', help: 'prints the summary as JSON' },
  },
};

export type PrepareReport = StoreSummary & {
  seconds: number;
  /** Seconds of clips a second of work; of a run that prepared all of them. */
  realTimeFactor: number;
  people?: { by: StoreSplit['by']; count: number; validationClips: number };
};

export async function runPrepare({ positionals, values }: ParsedCommand): Promise<void> {
  const json = (report: unknown) => {
    if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  };
  const split = { validationShare: values['validation-share'] as number, seed: values.seed as number };
  if (positionals[0] === 'merge') {
    if (positionals.length < 2)
      throw new UsageError('lipsync prepare merge: CLIPS must be a folder of clips, got none');
    const [into, ...parts] = positionals.slice(1).map((folder) => resolve(folder));
    const merged = await mergeStores(into, parts, { ...split, layout: values.layout as LayoutName | 'auto', log: say });
    describeSummary(merged.summary, merged.split);
    json(merged.summary);
    return;
  }
  if (positionals.length !== 2)
    throw new UsageError(`lipsync prepare: VIDEOS CLIPS must be two folders, got ${positionals.length}`);
  const path = (name: string) => (values[name] === undefined ? undefined : resolve(values[name] as string));
  const head = values.head as number | undefined;
  if (head !== undefined && head % 8 !== 0) throw new UsageError(`--head must be a multiple of 8, got ${head}`);
  json(
    await showPreparation({
      input: resolve(positionals[0]),
      store: resolve(positionals[1]),
      recipe: recipeFor({
        network: values.network as TrainedNetworkName,
        config: await readConfig(values.config as string),
        ...(values.recipe ? { recipe: await readRecipe(values.recipe as string) } : {}),
      }),
      ...(head === undefined ? {} : { crop: { kind: 'dinet head', mouth: head } }),
      preparation: preparationOf(values),
      expert: path('expert'),
      ...(values['expert-recipe'] ? { expertRecipe: await readRecipe(values['expert-recipe'] as string) } : {}),
      ...(values['expert-config'] ? { expertConfig: await readConfig(values['expert-config'] as string) } : {}),
      layout: values.layout as LayoutName | 'auto',
      identify: values.identify === 'yes',
      landmarkQuality: values.effort as LandmarkQuality,
      jobs: values.jobs as number | undefined,
      landmarks: path('landmarks'),
      ...(values.features === undefined
        ? {}
        : {
            logits: path('features'),
            logitFiles: {
              labels: values['feature-labels'] as LogitFiles['labels'],
              halve: values['feature-halve'] as LogitFiles['halve'],
            },
          }),
      shard: readShard(values.shard as string | undefined),
      ...split,
    }),
  );
}

/** The preset with what was asked for instead. */
export function preparationOf(values: ParsedCommand['values']): Preparation {
  const preset: Preparation = PREPARATIONS[values.preset as PreparationName];
  const given = <T>(name: string, fallback: T): T => (values[name] === undefined ? fallback : (values[name] as T));
  const { gates } = preset;
  return {
    ...preset,
    offset: given('offset', preset.offset),
    maxOffset: given('max-offset', preset.maxOffset),
    minConfidence: given('min-confidence', preset.minConfidence),
    correctionConfidence: given('sure-confidence', preset.correctionConfidence),
    shots: given('shots', preset.shots),
    faces: given('faces', preset.faces),
    segmentSec: given('segment', preset.segmentSec),
    minSegmentSec: Math.min(preset.minSegmentSec, given('segment', preset.segmentSec)),
    minFrames: given('min-frames', preset.minFrames),
    gates: {
      minFaceSize: given('min-face', gates.minFaceSize),
      maxAsymmetry: given('max-asymmetry', gates.maxAsymmetry),
      minLipsInside: given('min-lips-inside', gates.minLipsInside),
      minSharpness: given('min-sharpness', gates.minSharpness),
      minScore: given('min-score', gates.minScore),
      minVoiced: given('min-voiced', gates.minVoiced),
    },
  };
}

/** `2/8`: the third of eight parts. */
export function readShard(text: string | undefined): { index: number; count: number } | undefined {
  if (text === undefined) return undefined;
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (!(index < count)) throw new UsageError(`--shard must be I/N with I from 0 to N - 1, got ${text}`);
  return { index, count };
}

/** Runs a preparation to its end with a progress bar and says what was prepared and what was dropped. */
export async function showPreparation(options: PrepareFolderOptions): Promise<PrepareReport> {
  const { jobs = availableParallelism(), preparation } = options;
  // Small networks on one frame at a time: a process each with one thread is quicker than threads.
  if (jobs === 1) await startBackend({ backend: 'wasm' });
  let progress: Progress | undefined;
  let ended: { summary: StoreSummary; split?: StoreSplit } | undefined;
  let done = 0;
  let clips = 0;
  let dropped = 0;
  let preparedBefore = 0;
  const started = Date.now();
  if (!options.expert && (preparation?.offset ?? 'correct') !== 'none') {
    say('offsets between frame and audio stay unknown: --expert names a network that measures them');
  }
  try {
    const onProgress = ({ source, phase, frameCount, ofFrames }: PrepareProgress) => {
      if (frameCount < LONG_VIDEO) return; // short ones are done before they could be read
      const share = ofFrames > 0 ? `${Math.floor((100 * frameCount) / ofFrames)} %` : `${frameCount} frames`;
      progress?.update(done, `${clips} clips, ${dropped} drops; ${source}: ${phase} ${share}`);
    };
    for await (const event of prepareFolder({ ...options, jobs, onProgress, log: say })) {
      if (event.kind === 'start') {
        done = preparedBefore = event.alreadyDone;
        say(
          `${event.videos} videos in the layout ${event.layout}, ${event.alreadyDone} of them done before; ${jobs} at a time`,
        );
        progress = createProgress({ label: 'prepare', total: event.videos });
      } else if (event.kind === 'video') {
        clips += event.result.clips.length;
        dropped += event.result.dropped.length;
        for (const { source, track, segment, reason, detail } of event.result.dropped) {
          const place = `${track === undefined ? '' : ` face ${track}`}${segment === undefined ? '' : ` segment ${segment}`}`;
          progress?.log(`dropped ${JSON.stringify(source).slice(1, -1)}${place}: ${reason} (${detail})`);
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
  const { summary, split } = ended!;
  const seconds = (Date.now() - started) / 1000;
  const realTimeFactor = (summary.minutes * 60) / seconds;
  const people = describeSummary(summary, split);
  if (options.shard)
    say(
      `part ${options.shard.index} of ${options.shard.count}: lipsync prepare merge ${options.store} when all parts are done`,
    );
  say(
    `took ${formatSeconds(seconds)}${preparedBefore === 0 && !options.shard ? `, ${realTimeFactor.toFixed(1)} times real time` : ' for this part'}`,
  );
  return { ...summary, ...(people ? { people } : {}), seconds, realTimeFactor };
}

function describeSummary(
  { sources, clips, minutes, dropped }: StoreSummary,
  split: StoreSplit | undefined,
): PrepareReport['people'] {
  const drops = Object.entries(dropped).map(([reason, count]) => `${count} ${reason}`);
  say(`${clips} clips of ${sources} videos, ${minutes.toFixed(1)} minutes; dropped: ${drops.join(', ') || 'none'}`);
  if (!split) return undefined;
  const entries = Object.values(split.clips);
  const count = new Set(entries.map(({ identity }) => identity)).size;
  const validationClips = entries.filter((entry) => entry.split === 'validation').length;
  const how = { label: 'by the labels of the data set', face: 'by their faces', source: 'each video counted as one' }[
    split.by
  ];
  say(`${count} people (${how}); ${validationClips} clips held for validation`);
  return { by: split.by, count, validationClips };
}
