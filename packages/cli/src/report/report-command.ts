import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { dataReport } from '@lipsync/dataloader';
import { createCommand, type OptionsOf, UsageError } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { openClips } from '../terminal/open-clips';
import {
  backendOption,
  expertConfigOption,
  expertOption,
  expertPrefixOption,
  expertRecipeOption,
  jsonOption,
  startBackend,
  threadsOption,
  verboseOption,
} from '../terminal/options';
import { log } from '../terminal/output';
import { createProgress } from '../terminal/progress';
import { readHelper } from '../terminal/read-files';
import { trainingRefusals } from '../train/training-refusals';
import { resolveWeights } from '../weights/fetch-weights';
import { clipTable } from './clip-table';
import { dataReportPage } from './data-report-page';
import { isRun } from './run-report/read-run';
import { reportRuns } from './run-report/report-runs';

/** `lipsync report`. */
export function reportCommand() {
  return reportOptions().action(runReport);
}

function reportOptions() {
  return createCommand(
    'report',
    'Describes prepared clips before a network is trained on them (report.html, report.json and clips.csv, a table of the clips), or training ' +
      'runs, several beside each other (report.html).',
  )
    .usage('CLIPS|RUN... [options]')
    .argument('<folders...>', 'folder made by lipsync prepare, or folders made by lipsync train')
    .option('--out <dir>', 'folder of the report (default: that of the clips, or of a single run)')
    .option(
      '--clips <dir>',
      'of runs: prepared clips, for images of the held-out pairs that each network gets most wrong (default: none)',
    )
    .addOption(expertOption('measures the offset of every clip (default: not measured)'))
    .addOption(expertRecipeOption())
    .addOption(expertConfigOption())
    .addOption(expertPrefixOption())
    .addOption(jsonOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['clips', 'expert', 'recipe'],
        examples: ['report clips', 'report clips --expert pretrained --out report', 'report run-a run-b --clips clips'],
      }),
    );
}

type ReportWords = OptionsOf<ReturnType<typeof reportOptions>>;

async function runReport(folders: string[], options: ReportWords): Promise<void> {
  const runs = await Promise.all(folders.map(isRun));
  if (runs.every((run) => run)) return reportRuns(folders, options);
  if (folders.length > 1) {
    const other = folders[runs.indexOf(false)];
    throw new UsageError(
      `RUN must be a folder made by lipsync train (with log.jsonl) where there are several, got ${other}`,
    );
  }
  if (options.clips !== undefined)
    throw new UsageError(`--clips must stand beside a folder made by lipsync train, got it beside ${folders[0]}`);
  return reportClips(folders[0], options);
}

async function reportClips(clips: string, options: ReportWords): Promise<void> {
  const folder = resolve(clips);
  const store = await openClips(clips, { cacheBytes: 0 });
  const out = resolve(options.out ?? folder);
  await mkdir(out, { recursive: true });
  if (options.expert !== undefined) {
    await resolveWeights(options.expert, '--expert');
    await startBackend(options);
  }
  const expert = await readHelper(options);
  const progress = createProgress({ label: 'report', total: (await store.list()).length });
  const report = await dataReport(store, { expert, onClip: (done) => progress.update(done) }).finally(() => {
    progress.stop();
    expert?.dispose();
  });
  report.warnings.push(...(await trainingRefusals(store)));
  const { thumbnails: _, ...figures } = report;
  const json = `${JSON.stringify(figures, null, 2)}\n`;
  await writeFileAtomic(join(out, 'report.json'), json);
  const manifest = await store.manifest();
  if (manifest) await writeFileAtomic(join(out, 'clips.csv'), clipTable(manifest));
  await writeFileAtomic(join(out, 'report.html'), dataReportPage(report, basename(folder)));
  for (const warning of report.warnings) log(`warning: ${warning}`);
  log(`${report.clips} clips, ${report.minutes.toFixed(1)} minutes: ${join(out, 'report.html')}`);
  if (options.json) process.stdout.write(json);
}
