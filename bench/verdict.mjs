// How often the verdict of `score` is right: on clips with their own audio, with that of others, with noise, and with
// audio that does not fit for other reasons.
//
//     pnpm build && node bench/verdict.mjs --cache DIR [--weights FILE --held-out LIST] [--embed grid,lrw,talk,wild]
//         [--clips measured|chosen|all] [--seed 1] [--json]
//
// Clips are those of LIPSYNC_SHARED (default ../shared): GRID, the people of `talk` whom the network never saw, its
// validation clips of lrw-ar, and `wild`; `--held-out` lists the ones that a network of `--weights` never saw. Each is embedded once (`--embed SETS`; minutes per hundred clips) into files
// under --cache; everything else is arithmetic on them: cuts of 1, 2, 4 and 8 s, the audio of other clips (half of them
// of the same set), noise of ten kinds, audio moved by up to 60 frames, and two offsets in one clip. Without --embed
// the table is made of what is in the cache.
//
// The calibration is that of the weights file, made by `lipsync evaluate expert --calibrate`; without one, answers follow
// from the rule for embeddings of length 1, which was chosen on the clips of bench/verdict-chosen.txt (`--clips chosen`);
// the table is of the others.
//
// "before": the offset of lowest distance within 15 frames, stated without a condition, as `score` did; for `prepare`
// the rule `lse-c`. A wrong answer is an offset more than one frame off, or any for the audio of others.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    cache: { type: 'string' },
    weights: { type: 'string' },
    'held-out': { type: 'string' },
    embed: { type: 'string' },
    clips: { type: 'string', default: 'measured' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '8.6' },
    json: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const shared = resolve(root, process.env.LIPSYNC_SHARED ?? '../shared');
const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const FPS = 25;
const weights = values.weights ?? join(shared, 'weights/lite-start.safetensors');

if (!values.cache) throw new Error('--cache must be a folder for embeddings, got none');
const cache = resolve(values.cache);
mkdirSync(cache, { recursive: true });
if (values.embed) await embedClips(values.embed.split(','));
const { alignmentCurve, scoreEmbeddings, syncVerdict } = await load('metrics');
const calibration = await calibrationOf(weights);
const { decideOffset, GENERAL } = await load('dataloader');

/** The calibration of a weights file; undefined where it has none. */
async function calibrationOf(path) {
  const [{ openCheckpoint }, { readCalibration }] = await Promise.all(['checkpoints', 'contracts'].map(load));
  const file = await openCheckpoint(path);
  await file.close();
  return readCalibration('bench/verdict.mjs', file.metadata.calibration);
}

/** The clips of a set: id and path. */
function clipsOf(set) {
  const data = join(shared, 'data');
  const listed = (folder, keep = () => true) =>
    readdirSync(join(data, folder))
      .filter((file) => keep(basename(file, extname(file)), file))
      .map((file) => ({ id: `${set}_${basename(file, extname(file))}`, path: join(data, folder, file) }));
  if (set === 'grid') return ['grid/s1', 'grid/s26'].flatMap((folder) => listed(folder));
  if (set === 'wild') return listed('wild');
  const list = values['held-out'] ?? join(shared, 'weights/lite-start-validation.txt');
  const unseen = new Set(readFileSync(list, 'utf8').trim().split('\n'));
  if (set === 'lrw') return listed('lrw-ar', (stem) => unseen.has(stem));
  const [, ...rows] = readFileSync(join(data, 'talk/index.tsv'), 'utf8').trim().split('\n');
  const people = new Map(rows.map((row) => row.split('\t').slice(0, 2)));
  // lite-start was trained on the people up to p117 but for those held out.
  const isLater = (file) => !values['held-out'] && Number(people.get(file)?.slice(1)) > 117;
  return listed('talk', (stem, file) => unseen.has(stem) || isLater(file));
}

async function embedClips(sets) {
  const [
    { openEmbedder },
    windows,
    { createLandmarkDetector },
    { joinWaveform, openMedia },
    { voiceActivity },
    { batchSizeFor },
  ] = await Promise.all(['score', 'sync-windows', 'face-crop', 'media', 'audio-mel', 'metrics'].map(load));
  const { LANDMARK_QUALITY, measureAudio, openTrackedVideo, streamFrameWindows, FeatureWindows } = windows;
  const embedder = await openEmbedder(weights, { threads: 1, log: console.error });
  const { recipe, embeddingSize } = embedder.expert;
  const { detector: settings, collect, detectionSide } = LANDMARK_QUALITY.fast;
  const [detector, reader] = [await createLandmarkDetector(settings), await openMedia({ log: () => {} })];
  const most = Number(values.seconds) * FPS;
  const embedded = async (tower, list) => {
    const rows = new Float32Array(list.length * embeddingSize);
    const size = batchSizeFor(recipe);
    for (let i = 0; i < list.length; i += size)
      rows.set(await embedder[tower](list.slice(i, i + size)), i * embeddingSize);
    return rows;
  };
  const write = (id, facts, arrays) => {
    writeFileSync(join(cache, `${id}.bin`), Buffer.concat(arrays.map((array) => new Uint8Array(array.buffer))));
    writeFileSync(join(cache, `${id}.json`), JSON.stringify({ id, embeddingSize, ...facts }));
  };
  for (const { id, path } of sets.flatMap(clipsOf)) {
    if (existsSync(join(cache, `${id}.json`))) continue;
    try {
      const video = await openTrackedVideo({ path, reader, detector, collect, detectionSide });
      const [track] = [...video.tracks].sort((a, b) => b.frameCount - a.frameCount);
      const audio = await joinWaveform(video.audio());
      const level = await measureAudio(once(audio));
      const featureReader = new FeatureWindows(once(audio), recipe, { level });
      const [frames, features] = [[], []];
      for await (const window of streamFrameWindows(video, { recipe, tracks: [track] })) {
        const read = frames.length < most && (await featureReader.read(window.startFrame));
        if (!read) break;
        frames.push(window.frames);
        features.push(read);
      }
      await featureReader.close();
      video.release();
      const flags = voiceActivity(audio, { fps: FPS });
      const spoken = flags.subarray(track.firstFrame, track.firstFrame + frames.length);
      const speech = spoken.reduce((sum, flag) => sum + flag, 0) / Math.max(1, spoken.length);
      const rows = [await embedded('visual', frames), await embedded('audio', features)];
      write(id, { windows: frames.length, speech }, rows);
      console.error(id);
    } catch (error) {
      console.error(`${id}: ${error.message}`);
      writeFileSync(join(cache, `${id}.json`), JSON.stringify({ id, error: error.message }));
    }
  }
  for (const [kind, samples] of Object.entries(noises(14))) {
    if (existsSync(join(cache, `noise_${kind}.json`))) continue;
    const noise = { samples, sampleRate: 16000 };
    const featureReader = new FeatureWindows(once(noise), recipe, { level: await measureAudio(once(noise)) });
    const features = [];
    for (let frame = featureReader.first; ; frame++) {
      const read = await featureReader.read(frame);
      if (!read) break;
      features.push(read);
    }
    await featureReader.close();
    write(`noise_${kind}`, { windows: features.length, speech: 0 }, [await embedded('audio', features)]);
  }
  await embedder.dispose();
  detector.dispose();
}

async function* once(item) {
  yield item;
}

/** Ten kinds of audio without speech, by name; each the same at every run. */
function noises(seconds) {
  const random = randomOf(1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const sine = (hz, i) => Math.sin((2 * Math.PI * hz * i) / 16000);
  const held = { slow: 0, quick: 0, brown: 0, hz: 220, gain: 0, target: 0 };
  const kinds = {
    silence: () => 0,
    faint: () => 1e-4 * normal(),
    white: () => 0.05 * normal(),
    loud: () => 0.3 * normal(),
    pink: () => {
      const white = normal();
      held.slow = 0.99 * held.slow + 0.1 * white;
      held.quick = 0.9 * held.quick + 0.3 * white;
      return 0.03 * (held.slow + held.quick + white);
    },
    brown: () => (held.brown = 0.995 * held.brown + 0.02 * normal()),
    hum: (i) => 0.1 * sine(50, i) + 0.05 * sine(150, i) + 0.003 * normal(),
    tone: (i) => 0.2 * sine(1000, i),
    music: (i) => {
      if (i % 4000 === 0) held.hz = 110 * 2 ** (Math.floor(random() * 24) / 12);
      const loud = 0.15 * Math.exp(-(i % 4000) / 2500);
      return loud * [1, 2, 3, 4, 5].reduce((sum, harmonic) => sum + sine(held.hz * harmonic, i) / harmonic, 0);
    },
    bursts: (i) => {
      if (i % 800 === 0) held.target = random() < 0.5 ? 0 : random();
      held.gain += 0.002 * (held.target - held.gain);
      return 0.2 * held.gain * normal();
    },
  };
  return Object.fromEntries(
    Object.entries(kinds).map(([name, sample]) => [
      name,
      Float32Array.from({ length: 16000 * seconds }, (_, i) => sample(i)),
    ]),
  );
}

/** Numbers in 0..1 (mulberry32). */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function readClip(file) {
  const facts = JSON.parse(readFileSync(join(cache, file), 'utf8'));
  if (facts.error || !facts.windows) return undefined;
  const bytes = readFileSync(join(cache, file.replace('.json', '.bin')));
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const audioAt = all.length - facts.windows * facts.embeddingSize;
  const [set] = facts.id.split('_');
  return { ...facts, set, visual: all.subarray(0, audioAt), audio: all.subarray(audioAt) };
}

function report() {
  const all = readdirSync(cache)
    .filter((file) => file.endsWith('.json'))
    .map(readClip)
    .filter(Boolean);
  const chosen = new Set(
    readFileSync(new URL('verdict-chosen.txt', import.meta.url), 'utf8')
      .trim()
      .split('\n'),
  );
  const wanted = { measured: ({ id }) => !chosen.has(id), chosen: ({ id }) => chosen.has(id), all: () => true };
  const isWanted = wanted[values.clips];
  if (!isWanted) throw new RangeError(`--clips must be ${Object.keys(wanted).join(' or ')}, got ${values.clips}`);
  const clips = all.filter((clip) => clip.set !== 'noise' && clip.windows >= 16 && isWanted(clip));
  const noise = all.filter(({ set }) => set === 'noise');
  for (const clip of clips) clip.truth = truthOf(clip);
  const random = randomOf(Number(values.seed));
  const tables = {
    clips: countBy(clips, ({ set }) => set),
    verdicts: [1, 2, 4, 8].map((seconds) => verdictTable(clips, noise, { seconds, random })),
    prepare: prepareTable(clips, random),
    changes: changeTable(clips, random),
  };
  if (values.json) console.log(JSON.stringify(tables, undefined, 2));
  else print(tables);
}

const countBy = (list, keyOf) => {
  const counts = {};
  for (const item of list) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
};

/** Rows `from` to `from + count` of a clip's embeddings. */
const rowsOf = ({ embeddingSize }, rows, from, count) =>
  rows.subarray(from * embeddingSize, (from + count) * embeddingSize);

/** A clip's own offset: of GRID and lrw-ar about 0; else that of the whole clip, undefined where it is not clear. */
function truthOf(clip) {
  if (clip.set === 'grid' || clip.set === 'lrw') return { offset: 0, within: 2 };
  const { alignment } = scored(clip, clip, { count: clip.windows });
  const { offsetFrames, contrast } = alignmentCurve(alignment);
  return contrast > 10 ? { offset: offsetFrames, within: 1 } : undefined;
}

function scored(video, sound, { count, from = 0, audioFrom = from }) {
  return scoreEmbeddings(
    { visual: rowsOf(video, video.visual, from, count), audio: rowsOf(sound, sound.audio, audioFrom, count) },
    { space: 'unit', dimension: video.embeddingSize },
  );
}

const verdictOf = (score, sound) => syncVerdict(score, { windowFrames: 10, calibration, speechShare: sound.speech });

const drawOf = (random) => ({
  integer: (most) => Math.floor(random() * (most + 1)),
  of: (list) => list[Math.floor(random() * list.length)],
});

/** Another clip: of the same set for every second one. */
function otherOf(clip, clips, index, draw) {
  const same = clips.filter(({ set, id }) => set === clip.set && id !== clip.id);
  const any = clips.filter(({ id }) => id !== clip.id);
  return draw.of(index % 2 === 0 && same.length > 0 ? same : any);
}

const MOST = 200;

function verdictTable(clips, noise, { seconds, random }) {
  const draw = drawOf(random);
  const count = Math.round(seconds * FPS) - 9;
  const long = clips.filter(({ windows }) => windows >= count);
  const pick = (i) => long[i % long.length];
  const rows = [];
  const add = (kind, score, sound, truth) => {
    const verdict = verdictOf(score, sound);
    const right = (offset) => truth !== undefined && offset !== null && Math.abs(offset - truth.offset) <= truth.within;
    rows.push({
      kind,
      before: right(score.offsetFrames) ? 'right' : 'wrong',
      now: verdict.answer === 'cannot tell' ? 'no answer' : right(verdict.offsetFrames) ? 'right' : 'wrong',
      confident: verdict.confidence > 0.5,
    });
  };
  for (let i = 0; long.length > 1 && i < MOST; i++) {
    const clip = pick(i);
    const from = draw.integer(clip.windows - count);
    if (clip.truth) add('true', scored(clip, clip, { count, from }), clip, clip.truth);
    const other = otherOf(clip, long, i, draw);
    add('other audio', scored(clip, other, { count, from, audioFrom: draw.integer(other.windows - count) }), other);
    if (noise.length > 0) {
      const kind = noise[i % noise.length];
      // As if voice activity took the noise for speech.
      add('noise', scored(clip, kind, { count, from, audioFrom: draw.integer(kind.windows - count) }), { speech: 1 });
    }
    const moved =
      (draw.integer(1) * 2 - 1) * (16 + draw.integer(Math.max(0, Math.min(59, Math.floor(0.5 * count)) - 16)));
    const start = Math.max(0, -moved);
    if (clip.truth && seconds > 2 && clip.windows >= count + Math.abs(moved)) {
      const far = scored(clip, clip, { count, from: start, audioFrom: start + moved });
      add('moved by 16-60 frames', far, clip, { ...clip.truth, offset: clip.truth.offset + moved });
    }
  }
  const table = {};
  for (const kind of new Set(rows.map((row) => row.kind))) {
    const of = rows.filter((row) => row.kind === kind);
    const share = (holds) => of.filter(holds).length / of.length;
    table[kind] = {
      clips: of.length,
      before: { right: share(({ before }) => before === 'right'), wrong: share(({ before }) => before === 'wrong') },
      now: {
        right: share(({ now }) => now === 'right'),
        noAnswer: share(({ now }) => now === 'no answer'),
        wrong: share(({ now }) => now === 'wrong'),
        wrongAndConfident: share(({ now, confident }) => now === 'wrong' && confident),
      },
    };
  }
  return { seconds, sets: countBy(long, ({ set }) => set), table };
}

/** A score and its verdict as `prepare` keeps them. */
const readingOf = (score, sound) => {
  const { offsetFrames, lseC: confidence, lseD: distance, windows } = score;
  const verdict = verdictOf(score, sound);
  const { offsetFrames: likeliestFrames, zScore } = verdict.evidence;
  return { offsetFrames, confidence, distance, windows, verdict: { ...verdict, likeliestFrames, zScore } };
};

/** As `prepare` decides on GRID and on whole clips of at least four seconds, frames at every second window. */
function prepareTable(clips, random) {
  const draw = drawOf(random);
  const long = clips.filter(({ windows, set }) => windows >= 91 || set === 'grid');
  const outcomes = { true: [], 'other audio': [] };
  const add = (kind, video, sound, count, { from = 0, audioFrom = 0 } = {}) => {
    const all = scored(video, sound, { count, from, audioFrom });
    const frames = new Float32Array(Math.ceil(count / 2) * video.embeddingSize);
    for (let i = 0; i < count; i += 2)
      frames.set(rowsOf(video, video.visual, from + i, 1), (i / 2) * video.embeddingSize);
    const some = scoreEmbeddings(
      { visual: frames, audio: rowsOf(sound, sound.audio, audioFrom, count) },
      { space: 'unit', dimension: video.embeddingSize, visualStride: 2 },
    );
    const outcome = ({ reason, delayFrames }) => (reason ? 'dropped' : delayFrames === 0 ? 'kept' : 'moved');
    const decision = decideOffset(readingOf(some, sound), GENERAL);
    const now = outcome(decision);
    const known = kind === 'true' ? video.truth : undefined;
    outcomes[kind].push({
      set: video.set,
      known: known !== undefined,
      before: outcome(decideOffset(readingOf(all, sound), { ...GENERAL, offsetRule: 'lse-c' })),
      now,
      movedWrongly: now === 'moved' && known && Math.abs(decision.delayFrames - known.offset) > known.within + 1,
    });
  };
  for (const clip of long) {
    for (let i = 0; i < Math.max(3, Math.ceil(300 / long.length)); i++) {
      const count = i === 0 ? clip.windows : Math.max(66, Math.floor(clip.windows * (0.7 + 0.3 * random())));
      const kept = Math.min(count, clip.windows);
      const from = draw.integer(clip.windows - kept);
      add('true', clip, clip, kept, { from, audioFrom: from });
      const other = otherOf(clip, long, i, draw);
      add('other audio', clip, other, Math.min(kept, other.windows));
    }
  }
  return Object.fromEntries(
    Object.entries(outcomes).map(([kind, list]) => {
      const shares = (some) => ({
        clips: some.length,
        before: {
          kept: some.filter(({ before }) => before === 'kept').length,
          moved: some.filter(({ before }) => before === 'moved').length,
        },
        now: countBy(some, ({ now }) => now),
        ...(kind === 'true'
          ? {
              movedWrongly: some.filter(({ movedWrongly }) => movedWrongly).length,
              lostWithKnownOffset: some.filter(({ known, now }) => known && now === 'dropped').length,
            }
          : {}),
      });
      const sets = [...new Set(list.map(({ set }) => set))];
      return [
        kind,
        {
          ...shares(list),
          bySet: Object.fromEntries(sets.map((set) => [set, shares(list.filter((one) => one.set === set))])),
        },
      ];
    }),
  );
}

const STEPS = [
  [8, -8],
  [0, 5],
  [3, -1],
  [-10, 2],
];

/** Two offsets in one clip, one, or none: how often a change is found, and how far from its place. */
function changeTable(clips, random) {
  const draw = drawOf(random);
  const long = clips.filter(({ windows, set }) => windows >= 150 && set !== 'grid');
  const table = {
    'no change': { clips: 0, found: 0 },
    'other audio': { clips: 0, found: 0 },
    'a change of 4-16 frames': { clips: 0, found: 0, oneOffset: 0 },
  };
  const errors = [];
  const count = (kind, { parts, answer }) => {
    table[kind].clips++;
    if (parts.length > 1) table[kind].found++;
    else if (table[kind].oneOffset !== undefined && answer !== 'cannot tell') table[kind].oneOffset++;
  };
  for (const [i, clip] of long.entries()) {
    const plain = verdictOf(scored(clip, clip, { count: clip.windows }), clip);
    count('no change', plain);
    const other = otherOf(clip, long, i, draw);
    count('other audio', verdictOf(scored(clip, other, { count: Math.min(clip.windows, other.windows) }), other));
    if (plain.reason !== 'found') continue;
    for (const [before, after] of STEPS) {
      const windows = clip.windows - 24;
      const at = Math.floor(windows * (0.4 + 0.2 * random()));
      const audio = new Float32Array(windows * clip.embeddingSize);
      for (let w = 0; w < windows; w++)
        audio.set(rowsOf(clip, clip.audio, 12 + w + (w < at ? before : after), 1), w * clip.embeddingSize);
      const rows = { visual: rowsOf(clip, clip.visual, 12, windows), audio };
      const verdict = verdictOf(scoreEmbeddings(rows, { space: 'unit', dimension: clip.embeddingSize }), clip);
      count('a change of 4-16 frames', verdict);
      if (verdict.parts.length > 1) errors.push(Math.abs(verdict.parts[1].fromSec - (at + 5) / FPS));
    }
  }
  errors.sort((a, b) => a - b);
  const errorSec = { median: errors[errors.length >> 1], ninetieth: errors[Math.floor(0.9 * errors.length)] };
  return { ...table, errorSec };
}

function print({ clips, verdicts, prepare, changes }) {
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  console.log(`clips (${values.clips}): ${JSON.stringify(clips)}; calibration: ${calibration?.source ?? 'none'}\n`);
  console.log(
    '| clip | audio | pairs | before: right | wrong | now: right | no answer | wrong | wrong, confidence above 0.5 |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { seconds, table } of verdicts) {
    for (const [kind, { clips: pairs, before, now }] of Object.entries(table)) {
      const cells = [before.right, before.wrong, now.right, now.noAnswer, now.wrong, now.wrongAndConfident].map(
        percent,
      );
      console.log(`| ${seconds} s | ${kind} | ${pairs} | ${cells.join(' | ')} |`);
    }
  }
  console.log(`\nprepare: ${JSON.stringify(prepare, undefined, 2)}`);
  console.log(`changes: ${JSON.stringify(changes, undefined, 2)}`);
}

report();
