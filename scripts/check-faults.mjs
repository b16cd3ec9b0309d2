/**
 * The fault matrix: makes a file for each thing that can be wrong, or only unusual, with a video, prepares them all with the built command and
 * compares what became of each with what the README of the command says. About two minutes on two cores.
 *
 *     node scripts/check-faults.mjs [--long-sec 180] [--keep DIR]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { makeFaultyMedia } from './make-faulty-media.mjs';

const { values } = parseArgs({ options: { 'long-sec': { type: 'string', default: '180' }, keep: { type: 'string' } } });
const folder = values.keep ? resolve(values.keep) : await mkdtemp(join(tmpdir(), 'lipsync-faults-'));
const [videos, store] = [join(folder, 'videos'), join(folder, 'clips')];
let failed = 0;
try {
  const files = await makeFaultyMedia(videos, { longSec: Number(values['long-sec']) });
  console.log(`faults: ${files.length} files`);
  const words = ['packages/cli/dist/lipsync.js', 'prepare', videos, store, '--no-identify', '--json'];
  await promisify(execFile)(process.execPath, words, { maxBuffer: 1 << 26 });
  const { clips, dropped } = JSON.parse(await readFile(join(store, 'manifest.json'), 'utf8'));
  for (const { file, what, expect } of files) {
    const kept = clips.filter(({ id }) => id.replace(/\.t\d+\.s\d+$/s, '') === file);
    const reasons = [...new Set(dropped.filter(({ source }) => source === file).map(({ reason }) => reason))];
    const frames = kept.reduce((sum, clip) => sum + clip.frameCount, 0);
    const came =
      kept.length > 0
        ? `${kept.length} clips, ${frames} frames`
        : `dropped: ${reasons.join(', ') || 'no reason given'}`;
    const [least, most] = expect.frames ?? [];
    const right =
      expect.outcome === 'kept'
        ? kept.length === expect.clips && frames >= least && frames <= most
        : kept.length === 0 && reasons.length > 0 && reasons.every((reason) => expect.reasons.includes(reason));
    if (right) continue;
    failed++;
    const wanted =
      expect.outcome === 'kept'
        ? `${expect.clips} clips, ${least} to ${most} frames`
        : `dropped: ${expect.reasons.join(' or ')}`;
    console.error(`faults: ${JSON.stringify(file)} (${what}) must come out as ${wanted}, got ${came}`);
  }
  console.log(`faults: ${files.length - failed} of ${files.length} came out as they should`);
} finally {
  if (!values.keep) await rm(folder, { recursive: true, force: true });
}
process.exit(failed === 0 ? 0 : 1);
