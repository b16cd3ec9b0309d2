/**
 * SyncNet's whole evaluation, ours beside programs of PyTorch, NumPy and SciPy.
 *
 *     node scripts/check-protocol.mjs [VIDEO...] [--only pipeline|demo] [--match TEXT]
 *
 * `--match` takes only the videos of `syncnet-demo` and `wav2lip-lrs` with this text in their path.
 *
 * - `syncnet-pipeline` and `latentsync` from the file on, with our boxes and the source's other steps (the transcoded
 *   video, JPEG files, OpenCV's VideoWriter), of the given videos, or a drawn face and the first of
 *   LIPSYNC_SHARED/data/wild; `syncnet-pipeline-decoded` on the same crops and audio.
 * - `syncnet-demo` from the file on, with the source's own steps (ffmpeg's JPEG files, OpenCV, a 16-bit WAV file): a
 *   drawn face and videos of LIPSYNC_SHARED/data cut to 224 px, at 25, 29.97 and variable rates; `wav2lip-lrs` on one
 *   of them.
 *
 * Network weights are made by formula; needs the built packages and python3 with torch, cv2 and scipy, and says so where
 * they are missing. Fails where offset, distance curve or confidences differ by more than 1e-3.
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
import { parseArgs } from 'node:util';

const LIMIT = 1e-3;
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const shared = process.env.LIPSYNC_SHARED ?? '../shared';
const skip = (reason) => {
  console.log(`protocol: skipped, ${reason}`);
  process.exit(0);
};
if (spawnSync(python, ['-c', 'import cv2, numpy, scipy, torch']).status !== 0)
  skip(`${python} has no PyTorch, OpenCV and SciPy`);
const wild = `${shared}/data/wild`;
const filesOf = (folder, ending) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
const { values, positionals: videos } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, match: { type: 'string', default: '' } },
});
const drawnToo = videos.length === 0;
if (drawnToo && values.only !== 'demo' && existsSync(wild)) videos.push(...filesOf(wild, '.mp4').slice(0, 1));

const { selectBackend } = await import('../packages/backends/dist/index.js');
const { scoreVideo } = await import('../packages/score/dist/index.js');
const { openTrackedVideo, trackCrops } = await import('../packages/sync-windows/dist/index.js');
const { createLandmarkDetector, faceBoxes, planCrops } = await import('../packages/face-crop/dist/index.js');
const { openMedia } = await import('../packages/media/dist/index.js');
const { PROTOCOLS } = await import('../packages/metrics/dist/index.js');
const { loadSyncNetwork } = await import('../packages/syncnet/dist/index.js');
const { writeTalkingFace } = await import('../examples/embedded-data/dist/index.js');

await selectBackend({ backend: 'wasm', log: console.log });
const folder = mkdtempSync(join(tmpdir(), 'lipsync-protocol-'));
let failed = false;

/** Runs a program to its end; its messages are the error where it fails. */
function run(program, args) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(stderr);
}

/** What a program of reference/ writes for its inputs. */
function scoreOf(program, inputs, flags = []) {
  const out = join(folder, 'out');
  run(python, [join('reference', program), ...inputs, out, ...flags]);
  return JSON.parse(readFileSync(out, 'utf8'));
}

/** Prints the largest differences of a score from that of the other program. */
function compare(protocol, path, score, theirs) {
  const most = (a, b) =>
    a.length === b.length ? a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0) : Infinity;
  const distances = score.meanDistances.map(({ distance }) => distance);
  const differences = {
    offset: Math.abs(score.offsetFrames - theirs.offset),
    windows: Math.abs(score.windows - theirs.windows),
    curve: most(distances, theirs.curve),
    lseD: Math.abs(score.lseD - theirs.lseD),
    lseC: Math.abs(score.lseC - theirs.lseC),
    framewise: most(score.perWindow.confidences, theirs.framewise),
  };
  const holds = Object.values(differences).every((value) => value <= LIMIT);
  failed ||= !holds;
  const lse = `LSE-D ${score.lseD.toFixed(4)}, LSE-C ${score.lseC.toFixed(4)}`;
  console.log(
    `${protocol}: ${path}: ${score.windows} windows, offset ${score.offsetFrames} (theirs ${theirs.offset}), ${lse}`,
  );
  const each = Object.entries(differences).map(([name, value]) => `${name} ${value.toExponential(1)}`);
  console.log(`  largest differences (limit ${LIMIT}): ${each.join(', ')}: ${holds ? 'holds' : 'FAILS'}`);
}

/** The rules of a pipeline, for short videos and small faces as well. */
const easier = (protocol) => ({
  ...protocol,
  tracks: { ...protocol.tracks, minFrames: 20, minFaceSize: 50 },
});

/** A detector that remembers: frames are searched twice. */
async function rememberingDetector() {
  const detector = await createLandmarkDetector({ testTimeViews: 1 });
  const found = new Map();
  return {
    ...{ scheme: detector.scheme, reset: () => detector.reset(), dispose: () => detector.dispose() },
    async detect(frame) {
      if (!found.has(frame.index)) {
        const faces = await detector.detect(frame);
        found.set(
          frame.index,
          faces.map((face) => ({ ...face, points: face.points.slice() })),
        );
      }
      return found.get(frame.index);
    },
  };
}

const COLLECT = { maxGap: 25, minFrames: 5, stride: 1 };

/** A protocol with tracks from the file on, ours beside the source's steps with our boxes. */
async function fromFile(name, path, { expert, reader }) {
  const protocol = easier(PROTOCOLS[name]);
  const detector = await rememberingDetector();
  const ours = await scoreVideo(path, { expert, reader, detector, protocol });
  if (ours.faces.length === 0) throw new Error(`${path}: no face: ${ours.problems.join('; ')}`);
  const files = await reader.publishedPipeline(path, { container: protocol.tracks.container });
  const piped = { probe: (file) => reader.probe(file), frames: () => files.frames, audio: () => files.audio };
  const video = await openTrackedVideo({ path, reader: piped, detector, collect: COLLECT });
  const tracks = ours.faces.map((face) => {
    const track = video.tracks.find(({ id }) => id === face.track);
    const boxes = faceBoxes(track);
    const boxOf = (_, i) => [...boxes.subarray(4 * i, 4 * i + 4)];
    return { firstFrame: track.firstFrame, boxes: Array.from({ length: track.frameCount }, boxOf) };
  });
  video.release();
  await files.release();
  detector.dispose();
  writeFileSync(join(folder, 'tracks'), JSON.stringify(tracks));
  const flags = protocol.tracks.container === 'mp4' ? ['--mp4'] : [];
  const theirs = scoreOf('syncnet-pipeline.py', [path, join(folder, 'tracks')], flags);
  ours.faces.forEach((face, i) => compare(name, path, face, theirs[i]));
  return ours.faces[0];
}

/** `syncnet-pipeline-decoded`, the other program on the same crops and the same audio. */
async function sameCrops(path, { expert, reader }) {
  const protocol = easier(PROTOCOLS['syncnet-pipeline-decoded']);
  const detector = await rememberingDetector();
  const ours = await scoreVideo(path, { expert, reader, detector, protocol });
  const [score] = ours.faces;
  if (!score) throw new Error(`${path}: no face: ${ours.problems.join('; ')}`);
  const video = await openTrackedVideo({ path, reader, detector, collect: COLLECT });
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
  const theirs = scoreOf('syncnet-protocol.py', [join(folder, 'crops'), join(folder, 'audio')]);
  compare(protocol.name, path, score, theirs);
  return score;
}

/** Face crops of 224 px for `syncnet-demo`, and a video of another size for `wav2lip-lrs`; what the data allow. */
async function demoVideos() {
  const made = [];
  const square = "crop='min(iw,ih)':'min(iw,ih)',scale=224:224";
  const h264 = ['-c:v', 'libx264', '-crf', '18', '-pix_fmt', 'yuv420p'];
  const aac = ['-c:a', 'aac'];
  const cut = (source, name, { filter = square, before = [], encode }) => {
    const path = join(folder, name);
    run('ffmpeg', ['-v', 'error', '-y', ...before, '-i', source, '-vf', filter, ...encode, path]);
    made.push(['syncnet-demo', path]);
  };
  const drawn = join(folder, 'drawn-source.mp4');
  await writeTalkingFace(drawn, { personSeed: 3, seed: 5, durationSec: 4 });
  cut(drawn, 'drawn.mp4', { encode: [...h264, ...aac] });
  if (existsSync(wild)) {
    const [first, , , variable] = filesOf(wild, '.mp4');
    const before = ['-t', '5'];
    cut(first, 'wild-25.mp4', { before, encode: [...h264, ...aac] });
    const filter = `${square},fps=30000/1001`;
    cut(first, 'wild-2997.mkv', { before, filter, encode: [...h264, '-c:a', 'pcm_s16le'] });
    cut(variable, 'wild-variable.mp4', { before, encode: [...h264, '-vsync', 'vfr', ...aac] });
    made.push(['wav2lip-lrs', variable]);
  }
  const grid = `${shared}/data/grid/s1`;
  if (existsSync(grid)) {
    const [sentence] = filesOf(grid, '.mpg');
    cut(sentence, 'grid.avi', { filter: 'crop=224:224', encode: ['-c:v', 'mpeg4', '-q:v', '2', '-c:a', 'copy'] });
  }
  return made;
}

try {
  run(python, ['reference/syncnet-networks.py', '--only-save', 'syncnet', folder]);
  const expert = await loadSyncNetwork(join(folder, 'syncnet.legacy.pth'));
  const reader = await openMedia({});
  if (drawnToo && values.only !== 'demo') {
    const drawn = join(folder, 'drawn-pipeline.mp4');
    await writeTalkingFace(drawn, { personSeed: 3, seed: 5, durationSec: 4 });
    videos.unshift(drawn);
  }
  for (const path of values.only === 'demo' ? [] : videos) {
    const file = await fromFile('syncnet-pipeline', path, { expert, reader });
    await fromFile('latentsync', path, { expert, reader });
    const decoded = await sameCrops(path, { expert, reader });
    const off = (key) => `${key} ${decoded[key].toFixed(4)} (${((decoded[key] / file[key] - 1) * 100).toFixed(1)} %)`;
    console.log(`  beside it syncnet-pipeline-decoded: offset ${decoded.offsetFrames}, ${off('lseD')}, ${off('lseC')}`);
  }
  for (const [protocol, path] of values.only === 'pipeline' ? [] : await demoVideos()) {
    if (!path.includes(values.match)) continue;
    const ours = await scoreVideo(path, { expert, reader, protocol: PROTOCOLS[protocol] });
    const [score] = ours.faces;
    if (!score) throw new Error(`${path}: no score: ${ours.problems.join('; ')}`);
    const theirs = scoreOf('syncnet-demo.py', [path], protocol === 'wav2lip-lrs' ? ['--resize'] : []);
    compare(protocol, path, score, theirs);
    const [decoded] = (await scoreVideo(path, { expert, reader, protocol: PROTOCOLS[`${protocol}-decoded`] })).faces;
    const off = (key) => `${key} ${decoded[key].toFixed(4)} (${((decoded[key] / theirs[key] - 1) * 100).toFixed(1)} %)`;
    console.log(`  beside it ${protocol}-decoded: offset ${decoded.offsetFrames}, ${off('lseD')}, ${off('lseC')}`);
  }
  expert.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failed) process.exit(1);
