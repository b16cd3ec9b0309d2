// How time and memory of scoring grow with the length of a video: 1, 2, 5 and 10 minutes of a talking face, with 1 and 2 threads.
//
//     pnpm build && node bench/scaling.mjs [--clip FILE] [--minutes 1,2,5,10] [--threads 1,2] [--weights FILE --recipe FILE] [--accelerator none] [--json]
//
// The video is a clip again and again (--clip, or one under LIPSYNC_SHARED; skipped without). Each length in a process of its own. "seconds" is the
// scoring alone, once backend and weights are there. Memory is the highest of the Node process, and of it with ffmpeg, looked at ten times a second.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    clip: { type: 'string' },
    minutes: { type: 'string', default: '1,2,5,10' },
    threads: { type: 'string', default: '1,2' },
    weights: { type: 'string' },
    recipe: { type: 'string' },
    accelerator: { type: 'string', default: 'none' },
    json: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const shared = resolve(root, process.env.LIPSYNC_SHARED ?? '../shared');
const source = values.clip ?? join(shared, 'data/wild/German_20s.mp4');
const weights = values.weights ?? join(shared, 'weights/feasibility-10x48.safetensors');
if (!existsSync(source) || !existsSync(weights)) {
  console.log(
    'scaling: skipped: a video of a talking face and weights must be given (--clip, --weights, or LIPSYNC_SHARED)',
  );
  process.exit(0);
}
const { openMedia } = await import(new URL('../packages/media/dist/index.js', import.meta.url).href);
const { ffmpeg } = await openMedia({ log: () => {} });
const score = fileURLToPath(new URL('./score.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'bench-scaling-'));
const rows = [];
try {
  for (const minutes of values.minutes.split(',').map(Number)) {
    const video = join(folder, `${minutes}.mp4`);
    execFileSync(ffmpeg.path, [
      '-y',
      '-v',
      'error',
      '-stream_loop',
      '999',
      '-i',
      source,
      '-t',
      `${minutes * 60}`,
      '-c',
      'copy',
      video,
    ]);
    for (const threads of values.threads.split(',')) {
      const row = { minutes, threads: Number(threads), ...(await run(video, threads)), load: loadavg()[0] };
      rows.push(row);
      const first = rows.find((other) => other.threads === row.threads);
      const per = (value) => value / minutes / 60;
      console.error(
        `${minutes} min, ${threads} threads: ${row.seconds.toFixed(1)} s (${per(row.seconds).toFixed(4)} s a second, ${((per(row.seconds) / first.seconds) * 60 * first.minutes).toFixed(3)} of the first)` +
          `; processor ${row.processor.toFixed(1)} s (${per(row.processor).toFixed(4)}, ${((per(row.processor) / first.processor) * 60 * first.minutes).toFixed(3)})` +
          `; Node ${row.nodeMb.toFixed(0)} MB (${(row.nodeMb / first.nodeMb).toFixed(3)}), with ffmpeg ${row.treeMb.toFixed(0)} MB (${(row.treeMb / first.treeMb).toFixed(3)}); load ${row.load.toFixed(1)}`,
      );
    }
    rmSync(video);
  }
  console.log(values.json ? JSON.stringify(rows, null, 2) : table(rows));
} finally {
  rmSync(folder, { recursive: true });
}

async function run(video, threads) {
  const recipe = values.recipe ?? (await defaultRecipe());
  const child = spawn(
    process.execPath,
    [
      score,
      '--child',
      video,
      '--weights',
      weights,
      ...(recipe ? ['--recipe', recipe] : []),
      '--threads',
      threads,
      '--accelerator',
      values.accelerator,
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let [out, nodeMb, treeMb] = ['', 0, 0];
  child.stdout.on('data', (text) => (out += text));
  const watch = setInterval(() => {
    const tree = processTree(child.pid);
    nodeMb = Math.max(nodeMb, tree[0]?.mb ?? 0);
    treeMb = Math.max(
      treeMb,
      tree.reduce((sum, { mb }) => sum + mb, 0),
    );
  }, 100);
  const code = await new Promise((done) => child.on('close', done));
  clearInterval(watch);
  if (code !== 0) throw new Error(`scoring ended with ${code}`);
  const { scoring, processor, frameCount, windows, lseD } = JSON.parse(out.trim().split('\n').at(-1));
  return { seconds: scoring, processor, nodeMb, treeMb, frameCount, windows, lseD };
}

/** Of the weights under LIPSYNC_SHARED, which have none in their file. */
async function defaultRecipe() {
  if (values.weights) return '';
  const { recipeOf } = await import(new URL('../packages/avalignnet/dist/index.js', import.meta.url).href);
  const { LITE } = await import(new URL('../packages/avalignnet/dist/index.js', import.meta.url).href);
  writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipeOf(LITE)));
  return join(folder, 'recipe.json');
}

function processTree(pid) {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '),
    );
    return [{ mb: (pages * 4096) / 1e6 }, ...children.filter(Boolean).flatMap((child) => processTree(Number(child)))];
  } catch {
    return [];
  }
}

function table(all) {
  const head =
    '| minutes | threads | s a second of video | processor s a second | Node, MB | with ffmpeg, MB |\n|---|---|---|---|---|---|';
  const lines = all.map(
    ({ minutes, threads, seconds, processor, nodeMb, treeMb }) =>
      `| ${minutes} | ${threads} | ${(seconds / minutes / 60).toFixed(4)} | ${(processor / minutes / 60).toFixed(4)} | ${nodeMb.toFixed(0)} | ${treeMb.toFixed(0)} |`,
  );
  return [head, ...lines].join('\n');
}
