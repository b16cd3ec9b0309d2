import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { dataReport } from '@lipsync/dataloader';
import { createCommand, UsageError } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { openClips } from '../terminal/open-clips';
import { log } from '../terminal/output';
import { createProgress } from '../terminal/progress';
import { dataCard } from './data-card';

/** `lipsync data card`. */
export function dataCommand() {
  return createCommand('data', 'Describes prepared clips for publication.').addCommand(
    createCommand('card', 'Writes a data set card beside prepared clips: contents, preparation, dropped videos.')
      .argument('<clips>', 'folder made by lipsync prepare')
      .option('--out <file>', 'where the card is written (default: CARD.md in the folder of the clips)')
      .option('--name <text>', 'name of the data set (default: the name of the folder)')
      .option('--source <text>', 'where the videos are from')
      .option('--license <text>', 'terms under which the videos may be used')
      .addHelpText('after', helpEnd({ examples: ['data card clips --name "Talks 2026" --license CC-BY-4.0'] }))
      .action(async (clips, options) => {
        log(await writeCard(resolve(clips), options));
      }),
  );
}

async function writeCard(
  folder: string,
  { out, name = basename(folder), source, license }: { out?: string; name?: string; source?: string; license?: string },
): Promise<string> {
  const store = await openClips(folder, { cacheBytes: 0 });
  const manifest = await store.manifest();
  if (!manifest)
    throw new UsageError(`CLIPS must be a folder whose preparation has ended (with manifest.json), got ${folder}`);
  const path = resolve(out ?? join(folder, 'CARD.md'));
  await mkdir(dirname(path), { recursive: true });
  const progress = createProgress({ label: 'card', total: manifest.clips.length });
  const report = await dataReport(store, { thumbnails: 1, onClip: (done) => progress.update(done) }).finally(() =>
    progress.stop(),
  );
  await writeFileAtomic(path, dataCard(report, manifest, { name, source, license }));
  return path;
}
