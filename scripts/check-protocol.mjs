/**
 * SyncNet's whole evaluation, ours beside a PyTorch, NumPy and SciPy program fed with the same crops: `node scripts/check-protocol.mjs VIDEO...`,
 * by default the first video of LIPSYNC_SHARED/data/wild. Network weights are made by formula; needs the built packages and python3 with torch
 * and scipy, and says so where they are missing. Fails where offset, distance curve or confidences differ by more than 1e-3.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIMIT = 1e-3;
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const shared = process.env.LIPSYNC_SHARED ?? '../shared';
const skip = (reason) => {
  console.log(`protocol: skipped, ${reason}`);
  process.exit(0);
};
if (spawnSync(python, ['-c', 'import numpy, scipy, torch']).status !== 0) skip(`${python} has no PyTorch and SciPy`);
const wild = `${shared}/data/wild`;
const videos = process.argv.slice(2);
if (videos.length === 0) {
  if (!existsSync(wild)) skip(`no video given and no ${wild}`);
  videos.push(
    ...readdirSync(wild)
      .filter((name) => name.endsWith('.mp4'))
      .sort()
      .slice(0, 1)
      .map((name) => join(wild, name)),
  );
}

const { selectBackend } = await import('../packages/backends/dist/index.js');
const { scoreVideo } = await import('../packages/score/dist/index.js');
const { openTrackedVideo, trackCrops } = await import('../packages/sync-windows/dist/index.js');
const { createLandmarkDetector, planCrops } = await import('../packages/face-crop/dist/index.js');
const { openMedia } = await import('../packages/media/dist/index.js');
const { PROTOCOLS } = await import('../packages/metrics/dist/index.js');
const { loadSyncNetwork } = await import('../packages/syncnet/dist/index.js');

await selectBackend({ backend: 'wasm', log: console.log });
const folder = mkdtempSync(join(tmpdir(), 'lipsync-protocol-'));
let failed = false;
try {
  const saved = spawnSync(python, ['reference/syncnet-networks.py', '--only-save', 'syncnet', folder], {
    encoding: 'utf8',
  });
  if (saved.status !== 0) throw new Error(saved.stderr);
  const expert = await loadSyncNetwork(join(folder, 'syncnet.legacy.pth'));
  const reader = await openMedia({});
  for (const path of videos) {
    const detector = await createLandmarkDetector({ testTimeViews: 1 });
    const protocol = { ...PROTOCOLS['syncnet-pipeline'], tracks: { minFrames: 20, maxGap: 25, minFaceSize: 50 } };
    const ours = await scoreVideo(path, { expert, reader, detector, protocol });
    const [score] = ours.faces;
    if (!score) throw new Error(`${path}: no face: ${ours.problems.join('; ')}`);
    // The same crops and the same audio for the other program.
    const video = await openTrackedVideo({ path, reader, detector, collect: { maxGap: 25, minFrames: 5, stride: 1 } });
    const track = video.tracks.find(({ id }) => id === score.track);
    const plan = planCrops(track, protocol.crop, video.frameSize);
    const file = openSync(join(folder, 'crops'), 'w');
    for await (const { crop } of trackCrops(video.frames(), [{ track, plan }])) writeSync(file, crop);
    closeSync(file);
    const samples = [];
    for await (const piece of video.audio()) for (const value of piece.samples) samples.push(Math.round(value * 32768));
    writeFileSync(
      join(folder, 'audio'),
      Int16Array.from(samples.slice(track.firstFrame * 640, (track.firstFrame + track.frameCount) * 640)),
    );
    video.release();
    detector.dispose();
    const run = spawnSync(
      python,
      ['reference/syncnet-protocol.py', join(folder, 'crops'), join(folder, 'audio'), join(folder, 'out')],
      { encoding: 'utf8' },
    );
    if (run.status !== 0) throw new Error(run.stderr);
    const theirs = JSON.parse(readFileSync(join(folder, 'out'), 'utf8'));
    const most = (a, b) =>
      a.length === b.length ? a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0) : Infinity;
    const differences = {
      offset: Math.abs(score.offsetFrames - theirs.offset),
      windows: Math.abs(score.windows - theirs.windows),
      curve: most(
        score.meanDistances.map(({ distance }) => distance),
        theirs.curve,
      ),
      lseD: Math.abs(score.lseD - theirs.lseD),
      lseC: Math.abs(score.lseC - theirs.lseC),
      framewise: most(score.perWindow.confidences, theirs.framewise),
    };
    const holds = Object.values(differences).every((value) => value <= LIMIT);
    failed ||= !holds;
    console.log(
      `protocol: ${path}: ${score.windows} windows, offset ${score.offsetFrames} (theirs ${theirs.offset}), LSE-D ${score.lseD.toFixed(4)}, LSE-C ${score.lseC.toFixed(4)}`,
    );
    console.log(
      `  largest differences (limit ${LIMIT}): ${Object.entries(differences)
        .map(([name, value]) => `${name} ${value.toExponential(1)}`)
        .join(', ')}: ${holds ? 'holds' : 'FAILS'}`,
    );
  }
  expert.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failed) process.exit(1);
