import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { ClipStore, dataReport } from '@lipsync/dataloader';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress } from '../terminal/progress';
import { say } from '../terminal/setup';
import { dataCard } from './data-card';

export const DATA: CommandSpec = {
  name: 'data',
  positionals: 'card CLIPS',
  summary: 'Writes a data set card beside prepared clips: what is in it, how it was made, what was left out.',
  options: {
    out: { kind: 'text', value: 'FILE', help: 'CARD.md beside the clips if not given' },
    name: { kind: 'text', value: 'TEXT', help: 'of the data set; that of the folder if not given' },
    source: { kind: 'text', value: 'TEXT', help: 'where the videos are from' },
    license: { kind: 'text', value: 'TEXT', help: 'under which terms they may be used' },
  },
};

export async function runData({ positionals, values }: ParsedCommand): Promise<void> {
  if (positionals[0] !== 'card' || positionals.length !== 2) {
    throw new UsageError(`lipsync data: must be followed by card CLIPS, got ${positionals.join(' ') || 'nothing'}`);
  }
  const folder = resolve(positionals[1]);
  const store = await ClipStore.open(folder, { cacheBytes: 0 });
  const manifest = await store.manifest();
  if (!manifest) throw new Error(`lipsync data card: CLIPS must be prepared to the end (manifest.json), got ${folder}`);
  const text = (name: string) => values[name] as string | undefined;
  const out = resolve(text('out') ?? join(folder, 'CARD.md'));
  await mkdir(dirname(out), { recursive: true });
  const progress = createProgress({ label: 'card', total: manifest.clips.length });
  const report = await dataReport(store, { thumbnails: 1, onClip: (done) => progress.update(done) }).finally(() =>
    progress.stop(),
  );
  await writeFileAtomic(
    out,
    dataCard(report, manifest, {
      name: text('name') ?? basename(folder),
      source: text('source'),
      license: text('license'),
    }),
  );
  say(out);
}
