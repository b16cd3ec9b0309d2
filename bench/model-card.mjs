// The figures of docs/model-card.md: how a sync network of ours does on people that it never saw.
//
//     pnpm build && node bench/model-card.mjs --store CLIPS [--weights FILE] [--parts windows,files] [--json FILE]
//
// `--store`: clips prepared by `lipsync prepare` of LIPSYNC_SHARED (default ../shared), flat, its audio as it was or
// moved by `correctStore`. Held out: the videos of --held-out. GRID is measured whole, and counts for pieces of clips
// with `--grid unseen` only. Default weights: those of
// `@lipsync/pretrained`.
//
// windows: single windows and means of a second against windows of the same clip 3 frames and more away; the offset of
// every clip and of pieces of it. files: the offset of re-encoded files, and files without an offset.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { changedFiles, filesWithoutOffset } from './support/changed-files.mjs';

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    weights: { type: 'string' },
    parts: { type: 'string', default: 'windows,files' },
    files: { type: 'string', default: '30' },
    work: { type: 'string', default: '.lipsync/model-card' },
    'held-out': { type: 'string', default: 'examples/train-avalignnet/recipes/pretrained-held-out.txt' },
    grid: { type: 'string', default: 'seen' },
    json: { type: 'string' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const shared = resolve(root, process.env.LIPSYNC_SHARED ?? '../shared');
const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const [{ selectBackend }, { loadExpert, scoreVideo }, { ClipStore }, { embedClip }, metrics] = await Promise.all(
  ['backends', 'score', 'dataloader', 'train', 'metrics'].map(load),
);
let state = 1; // of draw()
await selectBackend({ log: console.error });
const expert = await loadExpert(values.weights);
const held = new Set(readFileSync(resolve(root, values['held-out']), 'utf8').trim().split('\n'));
const talk = readTalk();
const report = { weightsHash: expert.weightsHash, grid: values.grid };
const parts = values.parts.split(',');
if (parts.includes('windows')) report.windows = await windowFigures();
if (parts.includes('files')) report.files = await fileFigures();
expert.dispose();
console.log(JSON.stringify(report, undefined, 2));
if (values.json) writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);

function readTalk() {
  const [, ...rows] = readFileSync(join(shared, 'data/talk/index.tsv'), 'utf8').trim().split('\n');
  return new Map(
    rows.map((row) => row.split('\t')).map(([file, person, , set]) => [basename(file, extname(file)), { person, set }]),
  );
}

/** The set of a video: `lrw-ar`, `grid`, `lrs` (excerpts of LRS2 and LRS3) or `talk`. */
function setOf(stem) {
  const set = talk.get(stem)?.set;
  if (set) return set.startsWith('lrs') ? 'lrs' : 'talk';
  return /^\d+$/.test(stem) ? 'lrw-ar' : 'grid';
}

async function windowFigures() {
  const store = await ClipStore.open(resolve(values.store));
  const stemOf = (id) => id.split('.')[0];
  const keep = (id) => held.has(stemOf(id)) || setOf(stemOf(id)) === 'grid';
  const sets = { 'lrw-ar': [], grid: [], lrs: [], talk: [] };
  for (const id of (await store.list()).filter(keep)) {
    const embedded = await embedClip(expert, store, id);
    if (!embedded || embedded.windows < 4) continue;
    const clip = { ...embedded, size: expert.embeddingSize };
    const { alignment, offsetFrames } = scored(clip, 0, clip.windows);
    const { exactFrames, contrast, offsetFrames: best } = metrics.alignmentCurve(alignment);
    sets[setOf(stemOf(clip.id))].push({ ...clip, offsetFrames, exactFrames, best, contrast });
  }
  const figures = {};
  for (const [set, clips] of Object.entries(sets)) {
    if (clips.length === 0) continue;
    const corrected = set === 'talk' || set === 'lrs';
    figures[set] = {
      clips: clips.length,
      window: pairFigures(clips, { corrected, mean: 1 }),
      second: pairFigures(clips, { corrected, mean: 16 }),
      zero: zeroFigures(clips.filter(({ windows }) => windows >= (set === 'lrs' ? 41 : 10))),
    };
  }
  const unseen = [...sets.talk, ...sets.lrs, ...(values.grid === 'unseen' ? sets.grid : [])];
  figures.pieces = [1, 2, 4].map((seconds) => pieceFigures(unseen, seconds));
  return figures;
}

function scored(clip, from, count) {
  const rows = (array) => array.subarray(from * clip.size, (from + count) * clip.size);
  return metrics.scoreEmbeddings(
    { visual: rows(clip.visual), audio: rows(clip.audio) },
    { space: expert.space, dimension: clip.size },
  );
}

/** Cosine of frames at `i` and audio at `j`. */
function cosine({ visual, audio, size }, i, j) {
  let sum = 0;
  for (let k = 0; k < size; k++) sum += visual[i * size + k] * audio[j * size + k];
  return sum;
}

/** Accuracy at 0.5 and AUC of means of `mean` windows; `corrected`: in sync at the clip's own offset. */
function pairFigures(clips, { corrected, mean }) {
  const evaluation = new metrics.SyncEvaluation();
  for (const clip of clips) {
    const own = corrected ? -Math.round(clip.exactFrames) : 0;
    const score = (i, shift) => {
      let sum = 0;
      for (let k = 0; k < mean; k++) sum += cosine(clip, i + k, i + k + shift);
      return sum / mean;
    };
    const fits = (i, shift) => i + shift >= 0 && i + shift + mean <= clip.windows;
    for (let i = 0; i + mean <= clip.windows; i += mean === 1 ? 1 : 4) {
      const shifts = [];
      for (let shift = -clip.windows; shift <= clip.windows; shift++)
        if (Math.abs(shift - own) >= 3 && fits(i, shift)) shifts.push(shift);
      if (!fits(i, own) || shifts.length === 0) continue;
      const other = shifts[Math.floor(draw() * shifts.length)];
      evaluation.update([score(i, own), score(i, other)], [0, other - own], { clip: clip.id });
    }
  }
  if (clips.every(({ windows }) => windows < mean + 3)) return null;
  const { accuracy, best, auc, pairs } = evaluation.compute();
  return {
    auc,
    accuracy: accuracy.balanced,
    bestAccuracy: best.balanced,
    threshold: best.threshold,
    pairs: pairs.inSync,
  };
}

/** Offsets as the network reads them on clips whose makers put them in sync. */
function zeroFigures(clips) {
  const clear = clips.filter(({ exactFrames }) => Number.isFinite(exactFrames) && Math.abs(exactFrames) < 5);
  const mean = clear.reduce((sum, { exactFrames }) => sum + exactFrames, 0) / clear.length;
  const spread = Math.sqrt(clear.reduce((sum, { exactFrames }) => sum + (exactFrames - mean) ** 2, 0) / clear.length);
  const within = clips.filter(({ best }) => Math.abs(best) <= 1).length;
  return { clips: clips.length, mean, spread, withinOneFrame: within / clips.length };
}

/** Whether pieces give the offset of their clip within one frame; clips whose own is clear. */
function pieceFigures(clips, seconds) {
  const count = Math.round(seconds * 25) - 9;
  const [lowest, strongest] = [[], []];
  for (const clip of clips) {
    if (clip.windows < 1.5 * count || clip.windows < 60 || !(clip.contrast > 10)) continue;
    for (let from = 0; from + count <= clip.windows; from += count) {
      const score = scored(clip, from, count);
      lowest.push(Math.abs(score.offsetFrames - clip.exactFrames) <= 1.5);
      strongest.push(Math.abs(metrics.alignmentCurve(score.alignment).offsetFrames - clip.exactFrames) <= 1.5);
    }
  }
  const share = (list) => list.filter(Boolean).length / list.length;
  return { seconds, pieces: lowest.length, byDistance: share(lowest), byStrength: share(strongest) };
}

async function fileFigures() {
  const work = resolve(values.work);
  mkdirSync(work, { recursive: true });
  const folder = join(shared, 'data/talk');
  const files = readdirSync(folder).filter((file) => held.has(basename(file, extname(file))));
  const faceOf = async (path) => (await scoreVideo(path, { expert, log: () => {} })).faces[0];
  const good = [];
  for (const file of files) {
    const face = await faceOf(join(folder, file));
    if (face && face.windows >= 66) good.push({ file, path: join(folder, file), face });
    if (good.length >= Number(values.files)) break;
  }
  const refused = good.filter(({ face }) => face.verdict.answer === 'cannot tell');
  const answered = good.filter((clip) => !refused.includes(clip));
  const moves = {};
  for (const { file, path, face } of answered) {
    for await (const { change, path: changed } of changedFiles(path, work)) {
      const exact = (await faceOf(changed))?.verdict.exactFrames ?? null;
      moves[change] ??= [];
      moves[change].push({ file, moved: exact === null ? null : exact - face.verdict.exactFrames });
    }
  }
  const cases = [];
  for await (const { kind, path } of filesWithoutOffset(
    good.map((clip) => clip.path),
    work,
  )) {
    const face = await faceOf(path);
    cases.push({ kind, answer: face?.verdict.answer ?? 'no face', confidence: face?.verdict.confidence ?? null });
  }
  const byKind = {};
  for (const { kind, answer } of cases) {
    byKind[kind] ??= { files: 0, cannotTell: 0 };
    byKind[kind].files++;
    if (answer === 'cannot tell' || answer === 'no face') byKind[kind].cannotTell++;
  }
  return {
    good: { clips: good.length, refused: refused.length, which: refused.map(({ file }) => file) },
    moves: Object.fromEntries(
      Object.entries(moves).map(([change, list]) => [
        change,
        { files: list.length, within: list.filter(({ moved }) => moved !== null && Math.abs(moved) < 0.3).length },
      ]),
    ),
    withoutOffset: byKind,
  };
}

/** Numbers in 0..1, the same at every run. */
function draw() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
