/**
 * Trains the arms of a study and compares them on one page.
 *
 *   npm run example:study                                  two small experiments, on talking faces that are drawn and voiced here
 *   npm run example:study -- --clips DIR --study FILE      those of a file, such as a copy of studies/thesis.json, on clips that lipsync prepare made
 *
 * It can be stopped at any moment; the same line resumes.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runLipsync } from '@lipsync/cli';
import { showProgress, writeEmbeddedDataset } from '@lipsync/embedded-data';

const words = process.argv.slice(2);
const { values: args } = parseArgs({
  args: words[0] === '--' ? words.slice(1) : words,
  options: {
    clips: { type: 'string' },
    study: { type: 'string', default: 'drawn' },
    out: { type: 'string', default: 'lipsync-study' },
    arm: { type: 'string' },
    backend: { type: 'string', default: 'auto' },
  },
});
const out = resolve(args.out);
const named = fileURLToPath(new URL(`../studies/${args.study}.json`, import.meta.url));
const study = existsSync(named) ? named : resolve(args.study);
const clips = args.clips ? resolve(args.clips) : await drawnClips();
process.exitCode = await runLipsync([
  ...['study', study, clips, '--out', out, '--validate-every', '20', '--backend', args.backend],
  ...(args.arm === undefined ? [] : ['--arm', args.arm]),
]);

/** Prepared clips of drawn faces: 10 people, two of them held out. */
async function drawnClips(): Promise<string> {
  console.error('embedded data: drawn faces and synthetic voices, not real people');
  const [videos, folder] = [join(out, 'videos'), join(out, 'clips')];
  const size = { people: 10, clipsPerPerson: 2, heldOutPeople: 2 };
  const progress = showProgress('draw', size.people * size.clipsPerPerson);
  await writeEmbeddedDataset(videos, { ...size, seed: 1, onProgress: (done) => progress.update(done) });
  progress.stop();
  const people = ['--people', join(videos, 'labels.json')];
  const status = await runLipsync(['prepare', videos, folder, '--config', 'lite', ...people]);
  if (status !== 0) process.exit(status);
  return folder;
}
