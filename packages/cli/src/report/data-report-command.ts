import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { ClipStore, type DataReport, dataReport } from '@lipsync/dataloader';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress } from '../terminal/progress';
import { BACKEND_OPTIONS, readExpert, say, startBackend } from '../terminal/setup';
import { clipTable } from './clip-table';
import { dataReportPage } from './data-report-page';

export const REPORT: CommandSpec = {
  name: 'report',
  positionals: 'CLIPS',
  summary:
    'Says what prepared clips are like before a network is trained on them: report.html, report.json and a table of the clips, clips.csv, beside them.',
  options: {
    out: { kind: 'text', value: 'DIR', help: 'folder of the report; that of the clips if not given' },
    expert: { kind: 'text', value: 'FILE', help: 'weights of an expert, to measure every clip’s offset' },
    recipe: { kind: 'text', value: 'FILE', help: 'recipe of the expert (JSON), where its file has none' },
    json: { kind: 'flag', help: 'prints the figures as JSON' },
    ...BACKEND_OPTIONS,
  },
};

export async function runReport({ positionals, values }: ParsedCommand): Promise<void> {
  if (positionals.length !== 1) {
    throw new UsageError(`lipsync report: CLIPS must be one folder made by lipsync prepare, got ${positionals.length}`);
  }
  const folder = resolve(positionals[0]);
  const store = await ClipStore.open(folder, { cacheBytes: 0 });
  const out = values.out ? resolve(values.out as string) : folder;
  await mkdir(out, { recursive: true });
  if (values.expert) await startBackend(values);
  const expert = values.expert
    ? await readExpert(values.expert as string, { recipe: values.recipe as string | undefined })
    : undefined;
  const progress = createProgress({ label: 'report', total: (await store.list()).length });
  let report: DataReport;
  try {
    report = await dataReport(store, { expert, onClip: (done) => progress.update(done) });
  } finally {
    progress.stop();
    expert?.dispose();
  }
  const { thumbnails: _, ...figures } = report;
  const json = `${JSON.stringify(figures, null, 2)}\n`;
  await writeFileAtomic(join(out, 'report.json'), json);
  const manifest = await store.manifest();
  if (manifest) await writeFileAtomic(join(out, 'clips.csv'), clipTable(manifest));
  await writeFileAtomic(join(out, 'report.html'), dataReportPage(report, basename(folder)));
  for (const warning of report.warnings) say(`warning: ${warning}`);
  say(`${report.clips} clips, ${report.minutes.toFixed(1)} minutes: ${join(out, 'report.html')}`);
  if (values.json) process.stdout.write(json);
}
