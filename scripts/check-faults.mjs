/**
 * The fault matrix: makes a file for each thing that can be wrong, or only unusual, with a video, prepares them all with the built command and
 * compares what became of each with what the README of the command says; then a dozen of them as a batch of `score` that is killed and resumed.
 * About three minutes on two cores.
 *
 *     node scripts/check-faults.mjs [--long-sec 40] [--keep DIR]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { checkBatch, getsScore } from './check-batch.mjs';
import { makeFaultyMedia } from './make-faulty-media.mjs';

const IN_BATCH = [
  ...[
    'plain.mp4',
    'two-faces.mp4',
    'variable-rate.mp4',
    'audio-late.mkv',
    'tracks-silent.mp4',
    '-dash.mp4',
    'line\nbreak.mp4',
  ],
  ...['empty.mp4', 'text.mp4', 'no-audio.mp4', 'black.mp4', 'cut-at-55-percent.mp4'],
];
const { values } = parseArgs({ options: { 'long-sec': { type: 'string', default: '40' }, keep: { type: 'string' } } });
const folder = values.keep ? resolve(values.keep) : await mkdtemp(join(tmpdir(), 'lipsync-faults-'));
const [videos, store] = [join(folder, 'videos'), join(folder, 'clips')];
let failed = 0;
/** What the store says of a video. */
const recordOf = async (folder, file) => JSON.parse(await readFile(join(folder, 'sources', `${file}.json`), 'utf8'));
const notesOf = async (file) => (await recordOf(store, file)).notes ?? [];
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
    const notes = expect.note === undefined ? [] : await notesOf(file);
    const isNoted = expect.note === undefined || notes.some((note) => new RegExp(expect.note).test(note));
    const right =
      expect.outcome === 'kept'
        ? kept.length === expect.clips && frames >= least && frames <= most && isNoted
        : kept.length === 0 && reasons.length > 0 && reasons.every((reason) => expect.reasons.includes(reason));
    if (right) continue;
    failed++;
    const wanted =
      expect.outcome === 'kept'
        ? `${expect.clips} clips, ${least} to ${most} frames${isNoted ? '' : `, with a note on “${expect.note}”, got ${JSON.stringify(notes)}`}`
        : `dropped: ${expect.reasons.join(' or ')}`;
    console.error(`faults: ${JSON.stringify(file)} (${what}) must come out as ${wanted}, got ${came}`);
  }
  // What is refused can be read all the same, and how much of it is damaged is said.
  const concealed = join(folder, 'concealed');
  const again = ['packages/cli/dist/lipsync.js', 'prepare', join(videos, 'damaged.mp4'), concealed];
  await promisify(execFile)(process.execPath, [...again, '--damage', 'conceal', '--no-identify']);
  const { clips: least, notes = [] } = await recordOf(concealed, 'damaged.mp4');
  if (least.length === 0 || !notes.some((note) => /^damaged or missing: \d+ frames/.test(note))) {
    failed++;
    console.error(
      `faults: damaged.mp4 must be prepared where damage is concealed, got ${JSON.stringify({ least, notes })}`,
    );
  }
  // A dozen of them as a batch that is killed and resumed.
  const batch = files
    .filter(({ file }) => IN_BATCH.includes(file))
    .map((one) => ({ file: one.file, scored: getsScore(one) }));
  const { seconds, before, summary, faults } = await checkBatch(videos, batch);
  for (const fault of faults) console.error(`faults: in a batch ${fault}`);
  failed += faults.length;
  console.log(`faults: a batch in ${seconds.toFixed(0)} s, killed after ${before}: ${summary}`);
  console.log(`faults: ${files.length - failed} of ${files.length} came out as they should`);
} finally {
  if (!values.keep) await rm(folder, { recursive: true, force: true });
}
process.exit(failed === 0 ? 0 : 1);
