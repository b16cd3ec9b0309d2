/**
 * A generator on embedded videos, through the built command as a user runs it: face images, a sync network for them, both stages with kill -9 and resume,
 * the evaluation, and a dub that plays. About two minutes on two cores.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeEmbeddedDataset, writeTalkingFace } from '../examples/embedded-data/dist/index.js';
import { LITE_DINET } from '../packages/dinet/dist/index.js';
import { openMedia } from '../packages/media/dist/index.js';
import { killWhen, LIPSYNC, lipsync, run } from './built-command.mjs';

const folder = await mkdtemp(join(tmpdir(), 'lipsync-dinet-'));
const at = (...names) => join(folder, ...names);
after(() => rm(folder, { recursive: true, force: true }));

before(async () => {
  await writeEmbeddedDataset(at('videos'), { people: 3, clipsPerPerson: 2, durationSec: 2, heldOutPeople: 1, seed: 4 });
  await writeTalkingFace(at('face.mp4'), { seed: 8, personSeed: 8, durationSec: 2 });
  await writeTalkingFace(at('voice.mp4'), { seed: 9, personSeed: 9, durationSec: 3 });
  const crop = { kind: 'dinet', size: 48, upright: 'median of five', sampling: 'exact' };
  const recipe = {
    ...{ frameCount: 10, fps: 25, crop, color: 'RGB', range: [-1, 1] },
    ...{ features: 'THESIS_MEL', featureSteps: 32 },
  };
  await writeFile(at('recipe.json'), JSON.stringify(recipe));
  await writeFile(at('config.json'), JSON.stringify({ ...LITE_DINET, width: 4, referenceChannels: 16 }));
});

const held = ['--held-out', at('videos', 'held-out.txt')];
const stage = (out, ...more) => [
  ...[
    'train',
    'generator',
    at('heads'),
    '--out',
    at(out),
    ...held,
    '--config',
    at('config.json'),
    '--perceptual',
    'none',
    '--batch',
    '2',
  ],
  ...['--steps', '4', '--checkpoint-every', '2', '--validate-every', '0', '--learning-rate', '1e-3', ...more],
];
const clip = (out) =>
  stage(
    out,
    '--stage',
    'clip',
    '--from',
    at('frame', 'weights.safetensors'),
    '--expert',
    at('expert', 'weights.safetensors'),
  );
const logOf = async (out) => (await readFile(at(out, 'log.jsonl'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
const weightsOf = (out) => readFile(at(out, 'weights.safetensors'));

test('face images feed a sync network that takes their mouth boxes', async () => {
  const { clips } = await lipsync(['prepare', at('videos'), at('heads'), '--head', '64', '--no-identify']);
  assert.equal(clips, 6);
  const words = [
    'train',
    at('heads'),
    '--out',
    at('expert'),
    ...held,
    '--recipe',
    at('recipe.json'),
    '--steps',
    '3',
    '--clips-per-batch',
    '2',
    '--windows-per-clip',
    '3',
    '--validate-every',
    '0',
  ];
  const { validation } = await lipsync(words);
  assert.ok(validation.auc > 0 && validation.auc < 1);
});

test('the stage of frames, killed and started again, ends in the same weights', async () => {
  const { validation, perceptual, frameCount } = await lipsync(stage('frame'));
  assert.equal(perceptual, 'none');
  assert.equal(frameCount, 8);
  assert.equal(validation.on, 'held-out');
  await killWhen(stage('frame-killed'), async () => (await logOf('frame-killed')).length >= 3);
  await lipsync(stage('frame-killed'));
  assert.deepEqual(await weightsOf('frame-killed'), await weightsOf('frame'));
  assert.equal((await logOf('frame-killed')).length, 4);
});

test('so does the stage of clips, which a sync network supervises', async () => {
  const { validation, expert } = await lipsync(clip('clip'));
  assert.match(expert.weightsHash, /^[0-9a-f]{64}$/);
  assert.ok(Object.values(validation.cosine).every((value) => value >= -1 && value <= 1));
  const log = (await logOf('clip')).map((line) => JSON.parse(line));
  assert.ok(log.every(({ sync, clipDiscriminator }) => sync >= 0 && clipDiscriminator >= 0));
  await killWhen(clip('clip-killed'), async () => (await logOf('clip-killed')).length >= 3);
  await lipsync(clip('clip-killed'));
  assert.deepEqual(await weightsOf('clip-killed'), await weightsOf('clip'));
});

test('a run that diverges ends, and names the last good checkpoint', async () => {
  const words = stage(
    'lost',
    '--steps',
    '40',
    '--learning-rate',
    '1e9',
    '--checkpoint-every',
    '1',
    '--gan-weight',
    '0',
  );
  await assert.rejects(
    run(process.execPath, [LIPSYNC, ...words]),
    /must be (finite|at most).*(no checkpoint was written yet|the last good checkpoint, of step \d+, is .*state\.safetensors)/s,
  );
});

test('evaluate puts the generator beside two baselines', async () => {
  const words = [
    'evaluate',
    'generator',
    at('heads'),
    '--weights',
    at('clip', 'weights.safetensors'),
    '--expert',
    at('expert', 'weights.safetensors'),
    ...held,
    '--out',
    at('evaluation'),
  ];
  const { evaluation } = await lipsync(words);
  const { rows } = evaluation;
  assert.deepEqual(new Set(rows.map((row) => row.of)), new Set(['generated', 'copy-input', 'repeat-reference']));
  const own = (of) => rows.find((row) => row.of === of && row.audio === 'own');
  assert.ok(
    own('generated').psnr > 5 && own('generated').psnr < own('repeat-reference').psnr,
    'four steps do not beat a real mouth',
  );
  assert.equal((await readFile(at('evaluation', 'sheet.png'))).subarray(1, 4).toString(), 'PNG');
});

test('dub writes a video of the length of the audio, with that audio', async () => {
  const { generated, frameCount } = await lipsync([
    'dub',
    at('face.mp4'),
    at('voice.mp4'),
    at('dubbed.mp4'),
    '--weights',
    at('clip', 'weights.safetensors'),
  ]);
  assert.ok(generated > 0.9 * frameCount && Math.abs(frameCount - 75) <= 2, `${generated} of ${frameCount}`);
  const reader = await openMedia({ log: () => {} });
  const { video, durationSec } = await reader.probe(at('dubbed.mp4'));
  assert.deepEqual([video.width, video.height], [256, 256]);
  assert.ok(Math.abs(durationSec - 3) < 0.15, `${durationSec} s`);
});
