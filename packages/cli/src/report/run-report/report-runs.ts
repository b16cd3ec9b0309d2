import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { ClipStore } from '@lipsync/dataloader';
import { loadExpert } from '@lipsync/score';
import { hardestPairs } from '@lipsync/train';
import { UsageError } from '../../terminal/command';
import { startBackend } from '../../terminal/options';
import { log } from '../../terminal/output';
import { createProgress } from '../../terminal/progress';
import { readRuns, type TrainingRun } from './read-run';
import { type RunPairs, runReportPage } from './run-report-page';

export type ReportRunsOptions = Parameters<typeof startBackend>[0] & {
  /** Folder of the page. Default: that of a single run. */
  out?: string;
  /** Prepared clips, for the hardest pairs. */
  clips?: string;
};

/** `lipsync report RUN...`: the page of one run, or of several beside each other. */
export async function reportRuns(folders: readonly string[], options: ReportRunsOptions): Promise<void> {
  const [only] = folders;
  if (folders.length > 1 && options.out === undefined)
    throw new UsageError('--out must be a folder where several runs are compared, got none');
  const out = resolve(options.out ?? only);
  const runs = await readRuns(folders);
  const pairs = options.clips === undefined ? new Map() : await pairsOf(runs, options.clips, options);
  await mkdir(out, { recursive: true });
  const path = join(out, 'report.html');
  await writeFileAtomic(path, runReportPage(runs, pairs));
  log(`${runs.length === 1 ? 'a run' : `${runs.length} runs`}: ${path}`);
}

/** The hardest pairs of each run that has weights, on the clips that it held out. */
async function pairsOf(
  runs: readonly TrainingRun[],
  clips: string,
  options: ReportRunsOptions,
): Promise<Map<TrainingRun, RunPairs>> {
  const store = await ClipStore.open(resolve(clips), { cacheBytes: 0 });
  await startBackend(options);
  const found = new Map<TrainingRun, RunPairs>();
  for (const run of runs) {
    if (!run.report) {
      log(`${run.name} is not finished: its hardest pairs are left out`);
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
