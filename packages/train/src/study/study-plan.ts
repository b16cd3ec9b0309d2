import {
  type AVAlignNetConfig,
  CONFIGURATIONS,
  type LiteOptions,
  lite,
  type ThesisOptions,
  thesis,
} from '@lipsync/avalignnet';
import { sha256Hex } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { TRAINED_NETWORKS } from '../expert/trained-network';
import type { TrainingPlanOptions } from '../expert/training-plan';

/** The options of a training that a study may set; those of `trainExpert` as JSON. */
export type StudyTraining = Pick<
  TrainingPlanOptions,
  'network' | 'width' | 'steps' | 'preset' | 'data' | 'clipsPerBatch' | 'windowsPerClip' | 'pairsPerBatch'
> &
  Pick<TrainingPlanOptions, 'learningRate' | 'chunk'> & {
    /** A configuration of AVAlignNet: its name, what `lite` or `thesis` make of their options, or itself. */
    config?: string | { lite: LiteOptions } | { thesis: ThesisOptions } | AVAlignNetConfig;
    /** Which of the study's stores is trained on. Default: the one that the study is given. */
    clips?: string;
  };

/** One arm: what differs from the other arms of its experiment. */
export type StudyArm = {
  name: string;
  /** The figure that the source has for this arm, with what it is: `0.46`, `92.7 %`. */
  source?: string;
  train?: StudyTraining;
};

/** What the arms of an experiment are compared by, on held-out clips; of the loss less is better. */
export type StudyMeasure = 'auc' | 'accuracy' | 'loss';

/** Arms that differ in one thing, each trained with every seed. */
export type StudyExperiment = {
  name: string;
  /** What the experiment asks, as a question. */
  question: string;
  /** Where the question comes from, such as `thesis, figure 3.10`. */
  source?: string;
  /** Options of all arms. */
  train?: StudyTraining;
  arms: readonly StudyArm[];
  /** Names of arms from the worst to the best, as the source has it. Default: nothing is expected. */
  expected?: readonly string[];
  /** Default `auc`. */
  measure?: StudyMeasure;
};

/** A series of experiments, as a JSON file holds it. */
export type Study = {
  name: string;
  /** Options of all runs. */
  train?: StudyTraining;
  /** Seeds of first weights and batches; every arm is trained with each. At least two tell an effect from chance. */
  seeds: readonly number[];
  experiments: readonly StudyExperiment[];
  /** Folders of prepared clips by the name that `clips` of an arm gives. Default none. */
  clips?: Readonly<Record<string, string>>;
  /** Folders of prepared clips on which every run is judged too, by name. Default none. */
  judges?: Readonly<Record<string, string>>;
};

/** A run of a study: a network that is trained with one seed. Experiments that ask for the same run share it. */
export type StudyRun = {
  /** Name of its folder: a part of the arm's name, a hash of the options, the seed. */
  id: string;
  seed: number;
  /** What it is trained with, the study's, the experiment's and the arm's options together. */
  train: StudyTraining;
  /** Experiment and arm that ask for it, by their names. */
  of: { experiment: string; arm: string }[];
};

const MEASURES: readonly StudyMeasure[] = ['auc', 'accuracy', 'loss'];
const OPTIONS: readonly (keyof StudyTraining)[] = [
  ...(['network', 'config', 'width', 'preset', 'steps', 'learningRate', 'chunk', 'clips', 'data'] as const),
  ...(['clipsPerBatch', 'windowsPerClip', 'pairsPerBatch'] as const),
];

/**
 * Refuses what is not a complete study; use on what comes from a file. Returns it typed.
 *
 * @throws TypeError or RangeError that names the place, such as `experiments[2].arms[0].train.config`.
 * @example
 * const study = assertStudy('open', JSON.parse(await readFile('study.json', 'utf8')));
 */
export function assertStudy(where: string, value: unknown): Study {
  const study = value as Study;
  if (typeof study !== 'object' || study === null) fail(TypeError, where, 'study', 'an object', value);
  assertText(where, 'name', study.name);
  const { seeds, experiments, clips = {}, judges = {} } = study;
  if (!Array.isArray(seeds) || seeds.length === 0 || seeds.some((seed) => !Number.isInteger(seed) || seed < 0))
    fail(TypeError, where, 'seeds', 'whole numbers from 0', seeds);
  if (new Set(seeds).size < seeds.length) fail(RangeError, where, 'seeds', 'all different', seeds);
  for (const [name, folders] of Object.entries({ clips, judges })) {
    for (const [key, folder] of Object.entries(folders)) assertText(where, `${name}.${key}`, folder);
  }
  assertTraining(where, 'train', study.train, clips);
  if (!Array.isArray(experiments) || experiments.length === 0)
    fail(TypeError, where, 'experiments', 'a list with at least one', experiments);
  for (const [i, experiment] of experiments.entries()) assertExperiment(where, `experiments[${i}]`, experiment, clips);
  assertNames(where, 'experiments', experiments);
  return study;
}

function assertExperiment(where: string, path: string, experiment: StudyExperiment, clips: Study['clips']): void {
  const { name, question, train, arms, expected = [], measure = 'auc' } = experiment;
  assertText(where, `${path}.name`, name);
  assertText(where, `${path}.question`, question);
  assertTraining(where, `${path}.train`, train, clips);
  if (!Array.isArray(arms) || arms.length < 2) fail(TypeError, where, `${path}.arms`, 'a list of at least two', arms);
  for (const [i, arm] of arms.entries()) {
    assertText(where, `${path}.arms[${i}].name`, arm?.name);
    assertTraining(where, `${path}.arms[${i}].train`, arm.train, clips);
  }
  assertNames(where, `${path}.arms`, arms);
  const names = arms.map((arm) => arm.name);
  const unknown = expected.find((arm: string) => !names.includes(arm));
  if (unknown !== undefined)
    fail(RangeError, where, `${path}.expected`, `names of its arms (${names.join(', ')})`, unknown);
  if (!MEASURES.includes(measure)) fail(TypeError, where, `${path}.measure`, MEASURES.join(' or '), measure);
}

function assertTraining(where: string, path: string, train: StudyTraining = {}, clips: Study['clips'] = {}): void {
  if (typeof train !== 'object' || train === null) fail(TypeError, where, path, 'an object', train);
  const unknown = Object.keys(train).find((key) => !OPTIONS.includes(key as keyof StudyTraining));
  if (unknown !== undefined) fail(TypeError, where, path, `options among ${OPTIONS.join(', ')}`, unknown);
  const { network, config, clips: store } = train;
  if (network !== undefined && !TRAINED_NETWORKS.includes(network))
    fail(TypeError, where, `${path}.network`, TRAINED_NETWORKS.join(' or '), network);
  if (typeof config === 'string' && !Object.hasOwn(CONFIGURATIONS, config))
    fail(TypeError, where, `${path}.config`, `${Object.keys(CONFIGURATIONS).join(', ')} or a configuration`, config);
  else if (config !== undefined) assertConfigOptions(where, `${path}.config`, config);
  if (store !== undefined && !Object.hasOwn(clips, store))
    fail(RangeError, where, `${path}.clips`, `a name of the study's clips`, store);
}

/** What `lite` and `thesis` refuse, with the place in the study. */
function assertConfigOptions(where: string, path: string, config: NonNullable<StudyTraining['config']>): void {
  if (typeof config !== 'object' || config === null) fail(TypeError, where, path, 'a name or a configuration', config);
  try {
    studyConfig(config);
  } catch (error) {
    const kind = error instanceof RangeError ? RangeError : TypeError;
    throw new kind(`${where}: ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The configuration that a study names.
 *
 * @throws what `lite` and `thesis` throw.
 * @example
 * const config = studyConfig({ lite: { frameCount: 5, size: 64 } });
 */
export function studyConfig(config: NonNullable<StudyTraining['config']>): AVAlignNetConfig {
  if (typeof config === 'string') return CONFIGURATIONS[config as keyof typeof CONFIGURATIONS];
  if ('lite' in config) return lite(config.lite);
  return 'thesis' in config ? thesis(config.thesis) : config;
}

function assertText(where: string, path: string, text: unknown): void {
  if (typeof text !== 'string' || text.trim() === '') fail(TypeError, where, path, 'a text', text);
}

function assertNames(where: string, path: string, list: readonly { name: string }[]): void {
  const names = list.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail(RangeError, where, path, 'of different names', twice);
}

/**
 * The runs of a study, each once, in the order of its experiments, the seeds of an arm together.
 *
 * @example
 * for (const { id, of } of await studyRuns(study)) console.log(id, of.map(({ arm }) => arm));
 */
export async function studyRuns(study: Study): Promise<StudyRun[]> {
  const runs = new Map<string, StudyRun>();
  for (const experiment of study.experiments) {
    for (const arm of experiment.arms) {
      const train = { ...study.train, ...experiment.train, ...arm.train };
      const hash = await sha256Hex(new TextEncoder().encode(sortedJson(train)));
      for (const seed of study.seeds) {
        const key = `${hash}-${seed}`;
        const asked = { experiment: experiment.name, arm: arm.name };
        const known = runs.get(key);
        if (known) known.of.push(asked);
        else runs.set(key, { id: `${slug(arm.name)}-${hash.slice(0, 8)}-${seed}`, seed, train, of: [asked] });
      }
    }
  }
  return [...runs.values()];
}

/**
 * The I-th of N shares of the runs, as an array of jobs takes them: every N-th run.
 *
 * @throws RangeError unless 1 <= I <= N.
 * @example
 * const mine = shareOfRuns(runs, { share: 1, of: 4 });
 */
export function shareOfRuns<Run>(runs: readonly Run[], { share, of }: { share: number; of: number }): Run[] {
  if (!(Number.isInteger(of) && of >= 1)) fail(RangeError, 'shareOfRuns', 'of', 'a whole number from 1', of);
  if (!(Number.isInteger(share) && share >= 1 && share <= of))
    fail(RangeError, 'shareOfRuns', 'share', `a whole number from 1 to ${of}`, share);
  return runs.filter((_, index) => index % of === share - 1);
}

const slug = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40) || 'arm';

/** JSON with the keys of every object in order: the same options have the same text. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
