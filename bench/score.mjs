// `lipsync score` from file to figures, beside a Python program that does what syncnet_python does (bench/score-pipeline.py).
//
//     pnpm build && node bench/score.mjs [--large FILE] [--small FILE] [--weights FILE --recipe FILE] [--runs 5] [--threads 2]
//                                        [--engine auto|onnxruntime|tfjs] [--accelerator none] [--python /usr/bin/python3] [--without-python] [--python-frames N] [--json]
//
// Clip A: 20 s of 1080x1920, a talking face twice over. Clip B: 10 s of 512x512. They are made from --large and --small, or from files under
// LIPSYNC_SHARED (default ../shared); a clip without a source is skipped. Without --weights the one under LIPSYNC_SHARED, else a
// LITE network of random weights (as fast as a trained one).
//
// onnxruntime-node is looked for beside the packages and in the working folder: start the bench where it is installed to measure it. The engine is printed.
//
// Each run is a process of its own, start of the program and reading of weights included; medians, and the lowest and highest. "processor" counts all
// threads and ffmpeg, which a loaded machine disturbs less than the clock. Peak memory is of all its processes together, looked at ten times a second.
// Python runs once, the whole clip; --python-frames N stops it after N frames and then prints an estimate, marked as one.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    large: { type: 'string' },
    small: { type: 'string' },
    weights: { type: 'string' },
    recipe: { type: 'string' },
    runs: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    engine: { type: 'string', default: 'auto' },
    accelerator: { type: 'string', default: 'none' },
    python: { type: 'string', default: '/usr/bin/python3' },
    'without-python': { type: 'boolean', default: false },
    'python-frames': { type: 'string' },
    json: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const shared = resolve(root, process.env.LIPSYNC_SHARED ?? '../shared');
const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);

if (values.child) await scoreOnce(values.child);
else await compare();

/** Runs as a child: what `lipsync score` does, with the accelerator as it was asked for. */
async function scoreOnce(clip) {
  const began = performance.now();
  const [
    { engineCompiler, openEmbedder, scoreVideo },
    { LANDMARK_QUALITY },
    { createLandmarkDetector },
    { openMedia },
  ] = await Promise.all(['score', 'sync-windows', 'face-crop', 'media'].map(load));
  const { weights, accelerator, engine } = values;
  const recipe = values.recipe ? JSON.parse(readFileSync(values.recipe, 'utf8')) : undefined;
  const threads = Number(values.threads);
  const embedder = await openEmbedder(weights, { recipe, engine, accelerator, threads, log: () => {} });
  const { detector: settings, collect, detectionSide } = LANDMARK_QUALITY.fast;
  const compile = await engineCompiler({ engine, accelerator });
  const [detector, reader] = [
    await createLandmarkDetector({ ...settings, compile }),
    await openMedia({ log: () => {} }),
  ];
  const [started, used] = [performance.now(), process.cpuUsage()];
  const { faces, problems, frameCount, protocol } = await scoreVideo(clip, {
    expert: embedder,
    reader,
    detector,
    collect,
    detectionSide,
  });
  const scoring = (performance.now() - started) / 1e3;
  const { user, system } = process.cpuUsage(used); // without ffmpeg
  await embedder.dispose();
  detector.dispose();
  const [face] = faces;
  const figures = {
    start: (started - began) / 1e3,
    scoring,
    processor: (user + system) / 1e6,
    frameCount,
    problems,
    engine: protocol.engine,
  };
  console.log(
    JSON.stringify({
      ...figures,
      ...(face && { offset: face.offsetFrames, lseD: face.lseD, lseC: face.lseC, windows: face.windows }),
    }),
  );
}

async function compare() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-score-'));
  const say = (line) => (values.json ? console.error(line) : console.log(line));
  try {
    const { openMedia } = await load('media');
    const { ffmpeg } = await openMedia({ log: () => {} });
    const { weights, recipe } = await network(folder, say);
    const clips = [
      {
        name: 'A, 20 s of 1080x1920',
        source: values.large ?? find('data/wild/ls_demo1.mp4'),
        size: [1080, 1920],
        seconds: 20,
      },
      {
        name: 'B, 10 s of 512x512',
        source: values.small ?? find('data/wild/German_20s.mp4'),
        size: [512, 512],
        seconds: 10,
      },
    ];
    const report = {
      node: process.version,
      processors: availableParallelism(),
      threads: Number(values.threads),
      engine: values.engine,
      accelerator: values.accelerator,
      load: loadavg(),
      clips: [],
    };
    for (const { name, source, size, seconds } of clips) {
      if (!source || !existsSync(source)) {
        say(`clip ${name}: skipped: no video of a talking face (--large, --small, or LIPSYNC_SHARED)`);
        continue;
      }
      const clip = join(folder, `${size.join('x')}.mp4`);
      makeClip(ffmpeg.path, source, clip, size, seconds);
      const runs = [];
      for (let run = 0; run < Number(values.runs); run++) {
        runs.push(
          await measured(process.execPath, [
            fileURLToPath(import.meta.url),
            '--child',
            clip,
            '--weights',
            weights,
            ...(recipe ? ['--recipe', recipe] : []),
            '--threads',
            values.threads,
            '--engine',
            values.engine,
            '--accelerator',
            values.accelerator,
          ]),
        );
      }
      const summary = {
        name,
        seconds,
        ...Object.fromEntries(
          ['clock', 'processor', 'scoring', 'start', 'peakMb'].map((key) => [
            key,
            spread(runs.map((run) => run[key] ?? run.told[key])),
          ]),
        ),
        result: pick(runs[0].told),
      };
      summary.timesRealTime = seconds / summary.clock.median;
      say(
        `clip ${name}, ${summary.result.engine}: ${shown(summary.clock)} s wall-clock, ${shown(summary.processor)} s of the processor; ${summary.timesRealTime.toFixed(2)} times real time (${(seconds / summary.scoring.median).toFixed(2)} once started); peak ${shown(summary.peakMb, 0)} MB`,
      );
      say(`  ${JSON.stringify(summary.result)}`);
      if (!values['without-python']) {
        const python = await pythonRun(ffmpeg.path, clip, seconds, say);
        if (python) {
          summary.python = python;
          summary.ratio = {
            clock: python.clock / summary.clock.median,
            processor: python.processor / summary.processor.median,
          };
          say(
            `  Python${python.whole ? '' : ', EXTRAPOLATED'}: ${python.clock.toFixed(1)} s, ${python.processor.toFixed(1)} s of the processor: ${summary.ratio.clock.toFixed(1)} times ours wall-clock, ${summary.ratio.processor.toFixed(1)} by the processor`,
          );
          for (const [stage, { clock, processor }] of Object.entries(python.stages))
            say(`    ${stage}: ${clock.toFixed(1)} s, ${processor.toFixed(1)} s of the processor`);
        }
      }
      report.clips.push(summary);
    }
    if (values.json) console.log(JSON.stringify(report, null, 2));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function find(path) {
  const file = join(shared, path);
  return existsSync(file) ? file : undefined;
}

/** The source again and again until it is long enough, in the size asked for. */
function makeClip(ffmpeg, source, target, [width, height], seconds) {
  const fit = `scale=${width}:${height}:force_original_aspect_ratio=increase,crop=${width}:${height}`;
  const coding = [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-crf',
    '20',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
    '-ar',
    '44100',
  ];
  execFileSync(ffmpeg, [
    '-y',
    '-v',
    'error',
    '-stream_loop',
    '9',
    '-i',
    source,
    '-t',
    `${seconds}`,
    '-vf',
    fit,
    '-r',
    '25',
    ...coding,
    target,
  ]);
}

/** A trained expert, or a LITE network as it is born. */
async function network(folder, say) {
  const weights = values.weights ?? find('weights/feasibility-10x48.safetensors');
  const { LITE, AVAlignNet, saveAVAlignNet } = await load('avalignnet');
  const { recipeOf } = await load('avalignnet');
  if (weights && values.recipe) return { weights, recipe: values.recipe };
  const recipe = join(folder, 'recipe.json');
  writeFileSync(recipe, JSON.stringify(recipeOf(LITE)));
  if (weights) return { weights, recipe: values.weights ? undefined : recipe };
  say('weights: random ones of LITE, as there are no others; the scores mean nothing');
  const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
  await import(import.meta.resolve('@tensorflow/tfjs-backend-cpu'));
  await tf.setBackend('cpu');
  const net = new AVAlignNet(LITE, { seed: 1, recipe: recipeOf(LITE) });
  const made = join(folder, 'lite.safetensors');
  writeFileSync(made, await saveAVAlignNet(net));
  net.dispose();
  return { weights: made };
}

/** Runs a program to its end: its last line of JSON, seconds, and the memory of all its processes at their highest. */
async function measured(program, words) {
  const started = performance.now();
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, errors, peak] = ['', '', 0];
  const used = new Map(); // CPU time by process, of those that ended too
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (errors = (errors + text).slice(-2000)));
  const watch = setInterval(() => {
    const tree = processTree(child.pid);
    peak = Math.max(
      peak,
      tree.reduce((sum, { mb }) => sum + mb, 0),
    );
    for (const { pid, seconds } of tree) used.set(pid, Math.max(used.get(pid) ?? 0, seconds));
  }, 100);
  const code = await new Promise((done) => child.on('close', done));
  clearInterval(watch);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors}`);
  const processor = [...used.values()].reduce((sum, seconds) => sum + seconds, 0);
  return {
    clock: (performance.now() - started) / 1e3,
    processor,
    peakMb: peak,
    told: JSON.parse(out.trim().split('\n').at(-1)),
  };
}

/** A process and all below it, as Linux tells of them; nothing elsewhere. */
function processTree(pid) {
  try {
    const [, , , , , , , , , , , user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '),
    );
    const here = { pid, mb: (pages * 4096) / 1e6, seconds: (Number(user) + Number(system)) / 100 };
    return [here, ...children.filter(Boolean).flatMap((child) => processTree(Number(child)))];
  } catch {
    return [];
  }
}

async function pythonRun(ffmpeg, clip, seconds, say) {
  const frames = values['python-frames'];
  const words = [
    fileURLToPath(new URL('./score-pipeline.py', import.meta.url)),
    clip,
    '--threads',
    values.threads,
    '--ffmpeg',
    ffmpeg,
  ];
  try {
    // Its own figures: without the time that importing torch takes.
    const { told, peakMb } = await measured(values.python, [...words, ...(frames ? ['--frames', frames] : [])]);
    const share = told.whole ? 1 : (seconds * 25) / told.frameCount;
    const scaled = ({ clock, processor }) => ({ clock: clock * share, processor: processor * share });
    const stages = Object.fromEntries(Object.entries(told.stages).map(([name, used]) => [name, scaled(used)]));
    return { ...told, ...scaled(told), stages, peakMb };
  } catch (error) {
    say(`  Python: skipped: ${error.message.trim().split('\n').at(-1)}`);
    return undefined;
  }
}

function spread(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], lowest: sorted[0], highest: sorted.at(-1) };
}

function shown({ median, lowest, highest }, digits = 2) {
  return `${median.toFixed(digits)} (${lowest.toFixed(digits)} to ${highest.toFixed(digits)})`;
}

function pick({ engine, offset, lseD, lseC, windows, frameCount, problems }) {
  return { engine, offset, lseD, lseC, windows, frameCount, problems };
}
