import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import type { ClipStore } from '@lipsync/dataloader';
import { loadExpert } from '@lipsync/score';
import {
  assertStudy,
  finishedRuns,
  runStudy,
  type Study,
  type StudyEvent,
  type StudyResults,
  studyResults,
  studyRuns,
} from '@lipsync/train';
import { createCommand, type OptionsOf, UsageError, wholeNumber } from '../../terminal/command';
import { helpEnd } from '../../terminal/help-end';
import { assertOutFolder, openClips } from '../../terminal/open-clips';
import {
  backendOption,
  heldOutOption,
  jsonOption,
  startBackend,
  threadsOption,
  verboseOption,
} from '../../terminal/options';
import { log, printJson } from '../../terminal/output';
import { createProgress, formatSeconds, type Progress } from '../../terminal/progress';
import { readJson, readList } from '../../terminal/read-files';
import { studyPage } from './study-page';

/** `lipsync study`. */
export function studyCommand() {
  return studyOptions().action(runStudyCommand);
}

function studyOptions() {
  return createCommand(
    'study',
    'Trains the arms of a series of experiments, each with several seeds, and compares them on one page (study.html, study.json). It can be stopped at ' +
      'any moment: the same command resumes.',
  )
    .usage('STUDY CLIPS --out DIR [options]')
    .argument('<study>', 'JSON file: experiments, their arms, seeds')
    .argument('<clips>', 'folder made by lipsync prepare; a study may name others for some arms')
    .requiredOption('--out <dir>', 'folder for the runs and the page; must be given')
    .option('--arm <i/n>', 'train only the I-th of N shares of the runs, as a job of an array does (default: all)')
    .addOption(heldOutOption())
    .addOption(wholeNumber('--checkpoint-every <n>', 'steps between two checkpoints of a run', 1).default(50))
    .addOption(wholeNumber('--validate-every <n>', 'steps between two validations, 0 for none on the way').default(100))
    .addOption(wholeNumber('--workers <n>', 'threads that make batches').default(1))
    .addOption(jsonOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['clips', 'preset'],
        examples: ['study study.json clips --out study', 'study study.json clips --out study --arm 2/4'],
      }),
    );
}

type StudyWords = OptionsOf<ReturnType<typeof studyOptions>>;

async function runStudyCommand(path: string, clips: string, words: StudyWords): Promise<void> {
  const { heldOut, arm, json, checkpointEvery, validateEvery, workers } = words;
  const study = assertStudyFile(path, await readJson('STUDY', path));
  const share = arm === undefined ? undefined : shareOf(arm);
  const out = resolve(words.out);
  await assertOutFolder(out);
  const options = {
    ...{ out, store: await openClips(clips), stores: await storesOf(study, path), share },
    ...(heldOut === undefined ? {} : { heldOut: await readList(heldOut) }),
    ...{ checkpointEvery, validateEvery, workers },
    openExpert: (weights: string) => loadExpert(weights),
  };
  await startBackend(words);
  await showStudy(runStudy(study, options));
  const results = studyResults(study, await finishedRuns(study, out), (await studyRuns(study)).length);
  await mkdir(out, { recursive: true });
  await writeFileAtomic(join(out, 'study.json'), `${JSON.stringify(results, null, 2)}\n`);
  await writeFileAtomic(join(out, 'study.html'), studyPage(results));
  describeResults(results, out);
  if (json) printJson(results);
}

function assertStudyFile(path: string, value: unknown): Study {
  try {
    return assertStudy(path, value);
  } catch (error) {
    throw new UsageError(`STUDY must be the file of a study, got ${(error as Error).message}`, { cause: error });
  }
}

/** `2/4` as a share of the runs. */
function shareOf(text: string): { share: number; of: number } {
  const [, share, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (!(share >= 1 && share <= of)) throw new UsageError(`--arm must be I/N with I from 1 to N, got ${text}`);
  return { share, of };
}

/** The stores that a study names, beside its file. */
async function storesOf({ clips = {}, judges = {} }: Study, path: string): Promise<Record<string, ClipStore>> {
  const stores: Record<string, ClipStore> = {};
  for (const [kind, folders] of Object.entries({ clips, judges })) {
    for (const [name, folder] of Object.entries(folders))
      stores[name] ??= await openClips(resolve(dirname(path), folder), { name: `${kind}.${name} of STUDY` });
  }
  return stores;
}

async function showStudy(events: AsyncIterable<StudyEvent>): Promise<void> {
  let progress: Progress | undefined;
  let label = '';
  try {
    for await (const event of events) {
      if (event.kind === 'run') {
        progress?.stop();
        progress = undefined;
        const arms = event.run.of.map(({ experiment, arm }) => `${experiment}: ${arm}`).join('; ');
        label = `run ${event.index + 1}/${event.of}`;
        log(`${label}, ${arms}, seed ${event.run.seed}${event.found ? ': done already' : ''}`);
      } else if (event.kind === 'judged') {
        log(`${event.judge}: AUC ${event.evaluation.auc.toFixed(3)} on ${event.evaluation.clips} clips`);
      } else {
        progress = showTraining(event.event, progress, label);
      }
    }
  } finally {
    progress?.stop();
  }
}

type TrainingEvent = Extract<StudyEvent, { kind: 'training' }>['event'];

function showTraining(event: TrainingEvent, progress: Progress | undefined, label: string): Progress | undefined {
  if (event.kind === 'start') return createProgress({ label, total: event.steps });
  if (event.kind === 'step') {
    const { step, loss, samplesPerSec } = event.entry;
    progress?.update(step, `loss ${loss.toFixed(3)} ${samplesPerSec.toFixed(0)} samples/s`);
  } else if (event.kind === 'warning') {
    progress?.log(`warning: ${event.text}`);
  } else if (event.kind === 'done') {
    progress?.stop();
    log(`AUC ${event.report.validation.auc.toFixed(3)} on ${event.report.heldOutClips} held-out clips`);
    return undefined;
  }
  return progress;
}

function describeResults({ experiments, runs, wallSec, cpuSec }: StudyResults, out: string): void {
  for (const { name, sentence } of experiments) log(`${name}: ${sentence}`);
  log(`${runs.ended} of ${runs.all} runs, ${formatSeconds(wallSec)} (CPU time ${formatSeconds(cpuSec)})`);
  log(join(out, 'study.html'));
}
