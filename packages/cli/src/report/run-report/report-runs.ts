import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import type { ClipStore } from '@lipsync/dataloader';
import { loadExpert } from '@lipsync/score';
import { hardestPairs } from '@lipsync/train';
import { UsageError } from '../../terminal/command';
import { openClips } from '../../terminal/open-clips';
import { startBackend } from '../../terminal/options';
import { log } from '../../terminal/output';
import { createProgress } from '../../terminal/progress';
import { isGenerator, readRuns, type TrainingRun } from './read-run';
import { type RunPairs, runReportPage } from './run-report-page';

export type ReportRunsOptions = Parameters<typeof startBackend>[0] & {
  /** Folder of the page. Default: that of a single run. */
  out?: string;
  /** Prepared clips, for the hardest pairs. */
  clips?: string;
  json?: boolean;
  expert?: string;
  expertRecipe?: string;
  expertConfig?: string;
  expertPrefix?: string;
};

/** `lipsync report RUN...`: the page of one run, or of several beside each other. */
export async function reportRuns(folders: readonly string[], options: ReportRunsOptions): Promise<void> {
  const [only] = folders;
  assertForRuns(options);
  if (folders.length > 1 && options.out === undefined)
    throw new UsageError('--out must be a folder where several runs are compared, got none');
  const out = resolve(options.out ?? only);
  const store =
    options.clips === undefined ? undefined : await openClips(options.clips, { name: '--clips', cacheBytes: 0 });
  const runs = await readRuns(folders);
  const pairs = store === undefined ? new Map() : await pairsOf(runs, store, options);
  await mkdir(out, { recursive: true });
  const path = join(out, 'report.html');
  await writeFileAtomic(path, runReportPage(runs, pairs));
  log(`${runs.length === 1 ? 'a run' : `${runs.length} runs`}: ${path}`);
}

/** Refuses options that are about clips. */
function assertForRuns({ json, expert, expertRecipe, expertConfig, expertPrefix }: ReportRunsOptions): void {
  const given = {
    ...{ '--json': json, '--expert': expert, '--expert-recipe': expertRecipe },
    ...{ '--expert-config': expertConfig, '--expert-prefix': expertPrefix },
  };
  for (const [flag, value] of Object.entries(given))
    if (value !== undefined && value !== false)
      throw new UsageError(`${flag} must stand beside a folder made by lipsync prepare, got it beside RUN`);
}

/** The hardest pairs of each run that has weights, on the clips that it held out. */
async function pairsOf(
  runs: readonly TrainingRun[],
  store: ClipStore,
  options: ReportRunsOptions,
): Promise<Map<TrainingRun, RunPairs>> {
  await startBackend(options);
  const found = new Map<TrainingRun, RunPairs>();
  for (const run of runs) {
    if (!run.report) {
      log(`${run.name} is not finished: its hardest pairs are left out`);
      continue;
    }
    if (isGenerator(run)) {
      log(`${run.name} is a generator: it has no pairs`);
      continue;
    }
    const { held } = run.settings as { held?: string[] };
    const expert = await loadExpert(join(run.folder, 'weights.safetensors'));
    const total = held?.length || (await store.list()).length;
    const progress = createProgress({ label: run.name, total });
    try {
      const chosen = held?.length ? { clips: held } : {};
      const pairs = await hardestPairs(expert, store, { ...chosen, onClip: (done) => progress.update(done) });
      found.set(run, { pairs, recipe: expert.recipe });
    } finally {
      progress.stop();
      expert.dispose();
    }
  }
  return found;
}
