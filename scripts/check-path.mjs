/**
 * The whole path on embedded videos, through the built command as a user runs it: prepare, train, score; damaged files; kill -9 and
 * start again. About a minute on two cores.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeEmbeddedDataset, writeTalkingFace } from '../examples/embedded-data/dist/index.js';
import { encodeVideo } from '../packages/media/dist/index.js';
import { killWhen, LIPSYNC, lipsync, run } from './built-command.mjs';

const folder = await mkdtemp(join(tmpdir(), 'lipsync-path-'));
const at = (...names) => join(folder, ...names);

/** One hash over names and bytes of all files below a folder. */
async function hashTree(root) {
  const hash = createHash('sha256');
  // What a killed process was writing stays under a name of its own, which nobody reads.
  const entries = (await readdir(root, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile() && !/\.\d+-\d+\.tmp$/.test(entry.name),
  );
  for (const path of entries.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort()) {
    hash.update(path.slice(root.length)).update(await readFile(path));
  }
  return hash.digest('hex');
}

const count = async (path) => (await readdir(path).catch(() => [])).length;

before(async () => {
  await writeEmbeddedDataset(at('videos'), { people: 4, clipsPerPerson: 2, durationSec: 2, heldOutPeople: 1, seed: 3 });
  await writeFile(at('videos', 'garbage.mp4'), 'this is no video');
  // A video that breaks off in the middle, as an interrupted download does: its index at the end is missing.
  const whole = await readFile(at('videos', 'p00-c0.mp4'));
  await writeFile(at('videos', 'cut.mp4'), whole.subarray(0, whole.length / 2));
  const frame = new Uint8Array(128 * 128 * 3).fill(90);
  const video = async (name, frames, audio) => {
    const writer = encodeVideo(at('videos', name), { width: 128, height: 128, fps: 25, ...(audio ? { audio } : {}) });
    for (let index = 0; index < frames; index++) await writer.write(frame);
    await writer.finish();
  };
  const tone = Float32Array.from({ length: 32000 }, (_, index) => 0.3 * Math.sin(index / 5));
  await video('faceless.mp4', 50, { samples: tone, sampleRate: 16000 });
  await video('silent.mp4', 50, { samples: new Float32Array(32000), sampleRate: 16000 });
  await video('no-audio.mp4', 50);
  await writeTalkingFace(at('videos', 'short.mp4'), { seed: 5, personSeed: 5, durationSec: 0.4 });
  await writeTalkingFace(at('plain.mp4'), { seed: 6, personSeed: 6, durationSec: 4 });
  await writeTalkingFace(at('late.mp4'), { seed: 6, personSeed: 6, durationSec: 4, audioDelayFrames: 4 });
});
after(() => rm(folder, { recursive: true, force: true }));

const train = (out, batch, ...more) => [
  ...[
    'train',
    at('clips'),
    '--out',
    at(out),
    '--held-out',
    at('videos', 'held-out.txt'),
    '--clips-per-batch',
    `${batch[0]}`,
    '--windows-per-clip',
    `${batch[1]}`,
  ],
  ...['--validate-every', '0', '--seed', '2', ...more],
];
/** As few windows as contrast takes: what is compared are bytes. */
const short = (out, ...more) => train(out, [2, 2], '--steps', '6', '--checkpoint-every', '2', ...more);
const logOf = async (out) => (await readFile(at(out, 'log.jsonl'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

test('prepare keeps what talks and names what it drops', async () => {
  const report = await lipsync(['prepare', at('videos'), at('clips')]);
  assert.equal(report.clips, 8);
  assert.equal(report.sources, 14);
  assert.deepEqual(report.dropped, { broken: 2, 'no face': 1, 'no audio': 1, silent: 1, 'too short': 1 });
});

test('prepare that is killed and started again ends in the same bytes, whatever the number of processes', async () => {
  const words = ['prepare', at('videos'), at('killed'), '--jobs', '1'];
  await killWhen(words, async () => (await count(at('killed', 'sources'))) >= 3);
  assert.equal(await stat(at('killed', 'manifest.json')).catch(() => 'none'), 'none');
  await lipsync(words);
  assert.equal(await hashTree(at('killed')), await hashTree(at('clips')));
});

test('two parts into one folder, both killed and started again, and merged, are the same bytes', async () => {
  const words = (index) => ['prepare', at('videos'), at('shared'), '--jobs', '1', '--shard', `${index}/2`];
  const done = async () => count(at('shared', 'sources'));
  // Both write at the same time; each is killed once.
  const first = killWhen(words(0), async () => (await done()) >= 1);
  const second = killWhen(words(1), async () => (await done()) >= 2);
  await Promise.all([first, second]);
  await Promise.all([lipsync(words(0)), lipsync(words(1))]);
  assert.equal(await stat(at('shared', 'manifest.json')).catch(() => 'none'), 'none');
  await lipsync(['prepare', 'merge', at('shared')]);
  assert.equal(await hashTree(at('shared')), await hashTree(at('clips')));
});

test('two parts in folders of their own are merged into the same bytes, twice over', async () => {
  for (const index of [0, 1]) await lipsync(['prepare', at('videos'), at(`part-${index}`), '--shard', `${index}/2`]);
  for (let time = 0; time < 2; time++) {
    const { clips } = await lipsync(['prepare', 'merge', at('merged'), at('part-0'), at('part-1')]);
    assert.equal(clips, 8);
    assert.equal(await hashTree(at('merged')), await hashTree(at('clips')));
  }
});

test('people are told apart by their faces, and nobody stands on both sides of the split', async () => {
  const { clips, split } = JSON.parse(await readFile(at('clips', 'manifest.json'), 'utf8'));
  assert.equal(split.by, 'face');
  const sides = new Map();
  for (const { identity, split: side } of clips) sides.set(identity, (sides.get(identity) ?? new Set()).add(side));
  assert.ok([...sides.values()].every((found) => found.size === 1));
  // Each drawn person has two clips of the same look.
  const people = new Map();
  for (const { id, identity } of clips)
    people.set(id.slice(0, 3), (people.get(id.slice(0, 3)) ?? new Set()).add(identity));
  assert.ok(
    [...people.values()].every((found) => found.size === 1),
    JSON.stringify(clips.map(({ id, identity }) => [id, identity])),
  );
});

test('report and card tell of the clips', async () => {
  await lipsync(['report', at('clips')]);
  assert.match(await readFile(at('clips', 'report.html'), 'utf8'), /people \(by face identity clustering\)/);
  await run(process.execPath, [
    LIPSYNC,
    'data',
    'card',
    at('clips'),
    '--license',
    'none: drawn',
    '--out',
    at('CARD.md'),
  ]);
  assert.match(await readFile(at('CARD.md'), 'utf8'), /\| clips \| 8 of 8 videos \|/);
});

test('train learns: the cosines of pairs in sync and off sync part', async () => {
  const report = await lipsync(train('whole', [4, 5], '--steps', '40'));
  const log = (await logOf('whole')).map((line) => JSON.parse(line));
  assert.equal(log.length, 40);
  const gap = (entries) =>
    entries.reduce((sum, entry) => sum + entry.positiveCosine - entry.negativeCosine, 0) / entries.length;
  const [first, last] = [gap(log.slice(0, 10)), gap(log.slice(-10))];
  console.log(
    `# cosine in sync above off sync: ${first.toFixed(3)} -> ${last.toFixed(3)}, held-out AUC ${report.validation.auc.toFixed(3)}`,
  );
  assert.ok(last > first + 0.05, `the gap must widen by 0.05, got ${first} -> ${last}`);
  assert.equal(report.validation.pairs.inSync, 24);
});

test('a trained network corrects the audio of a video, and the clip says so', async () => {
  await copyFile(at('late.mp4'), at('odd', 'late.mp4')).catch(async () => {
    await mkdir(at('odd'));
    await copyFile(at('late.mp4'), at('odd', 'late.mp4'));
  });
  const words = [
    'prepare',
    at('odd'),
    at('odd-clips'),
    '--expert',
    at('whole', 'weights.safetensors'),
    '--correction-confidence',
    '0',
  ];
  const { clips } = await lipsync(words);
  const { clips: listed, dropped } = JSON.parse(await readFile(at('odd-clips', 'manifest.json'), 'utf8'));
  // A network of forty steps may be wrong: then the second reading drops the clip.
  if (clips === 0)
    assert.deepEqual(
      dropped.map(({ reason }) => reason),
      ['offset stays'],
    );
  else {
    const { measured, corrected, after } = listed[0].offset;
    assert.equal(corrected, Math.abs(measured.offsetFrames) > 1 ? measured.offsetFrames : 0);
    if (corrected !== 0) assert.ok(Math.abs(after.offsetFrames) <= 1);
  }
});

test('train that is killed and started again ends in the same weights', async () => {
  const report = await lipsync(short('unbroken'));
  await killWhen(short('killed-run'), async () => (await logOf('killed-run')).length >= 3);
  const again = await lipsync(short('killed-run'));
  assert.equal(again.weightsHash, report.weightsHash);
  assert.equal((await logOf('killed-run')).length, 6);
});

test('train refuses to resume with other settings, and says which', async () => {
  await assert.rejects(
    run(process.execPath, [LIPSYNC, ...short('unbroken', '--learning-rate', '1e-4')]),
    /learning-rate was 0.0015, is 0.0001/,
  );
});

test('score gives every file a face, an offset and the distances, or a reason', async () => {
  const weights = at('whole', 'weights.safetensors');
  const { protocol, files } = await lipsync(
    ['score', '--weights', weights, at('plain.mp4'), at('late.mp4'), at('videos', 'faceless.mp4')],
    1,
  );
  assert.match(protocol.weightsHash, /^[0-9a-f]{64}$/);
  assert.equal(protocol.recipe.frameCount, 10);
  const [plain, late, faceless] = files;
  for (const { faces, frameCount, fps } of [plain, late]) {
    assert.equal(faces.length, 1);
    assert.equal(frameCount, 100);
    assert.equal(fps, 25);
    const [face] = faces;
    assert.equal(face.windows, 91);
    assert.equal(face.perWindow.distances.length, 91);
    assert.equal(face.meanDistances.length, 31);
    assert.ok(face.lseD > 0 && face.lseD < Math.SQRT2 && face.lseC >= 0);
  }
  assert.deepEqual(faceless.faces, []);
  assert.match(faceless.problems[0], /^no face/);
  // With the audio four frames later, the distance at every offset is the one that was at four frames more: the sign and the order.
  const curve = (file) =>
    new Map(file.faces[0].meanDistances.map(({ offsetFrames, distance }) => [offsetFrames, distance]));
  const [a, b] = [curve(plain), curve(late)];
  for (let offset = -8; offset <= 4; offset++) {
    assert.ok(
      Math.abs(a.get(offset + 4) - b.get(offset)) < 0.06,
      `offset ${offset}: ${a.get(offset + 4)} against ${b.get(offset)}`,
    );
  }
});

test('a weights file of another network is refused by name', async () => {
  const other = at('other.safetensors');
  await copyFile(at('whole', 'weights.safetensors'), other);
  const bytes = await readFile(other);
  const header = Number(bytes.readBigUInt64LE(0));
  const text = bytes
    .subarray(8, 8 + header)
    .toString('latin1')
    .replace('visual_encoder.conv_in.bias', 'visual_encoder.conv_xx.bias');
  const file = await open(other, 'r+');
  await file.write(Buffer.from(text, 'latin1'), 0, header, 8);
  await file.close();
  await assert.rejects(
    run(process.execPath, [LIPSYNC, 'score', '--weights', other, at('plain.mp4')]),
    /missing: visual_encoder\.conv_in\.bias.*unused: visual_encoder\.conv_xx\.bias/s,
  );
  await mkdir(at('empty'), { recursive: true });
  await assert.rejects(run(process.execPath, [LIPSYNC, 'train', at('empty'), '--out', at('x')]), /store/);
});
