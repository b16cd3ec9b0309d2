// The landmark detectors beside each other, on real faces under LIPSYNC_SHARED (default ../shared).
//
//     pnpm build && node bench/landmark-detectors.mjs [--only lips,turns,sizes,tracks] [--clips 12] [--seconds 4]
//         [--json]
//
// lips:   distance from lips that were read by eye in 54 frames (support/checked-lips.json), in percent of the face
//         measure.
// turns:  the same in made frames: rotated in the plane, seen from the side (a perspective warp), with smaller faces.
// sizes:  faces found in frames of 1920 x 1080, and CPU time of the search, by their height from the brows to the
//         chin.
// tracks: of --clips videos of each set, the first --seconds: frames in the longest track, jitter of the mouth (third
//         differences of its centre on the frames that were detected; real motion is in it, so differences count), CPU
//         time of a detection, and LSE-C and AUC of weights/lite-start.safetensors, which was trained on crops by the
//         68-point network.
//
// One thread of tfjs-wasm. CPU time, since wall-clock time depends on what else runs.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { load } from './support/training-step.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'lips,turns,sizes,tracks' },
    clips: { type: 'string', default: '12' },
    seconds: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const data = join(resolve(root, process.env.LIPSYNC_SHARED ?? '../shared'), 'data');
if (!existsSync(data)) {
  console.log(`landmark-detectors: skipped, no ${data}`);
  process.exit(0);
}
const [{ selectBackend }, { createLandmarkDetector, LANDMARK_MODELS }, { landmarkSettings }] = await Promise.all(
  ['backends', 'face-crop', 'sync-windows'].map(load),
);
await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
const detectors = [];
for (const model of LANDMARK_MODELS)
  detectors.push({ model, detector: await createLandmarkDetector(landmarkSettings('fast', model).detector) });

const checked = JSON.parse(readFileSync(join(root, 'bench/support/checked-lips.json'), 'utf8')).frames.map(
  ([file, seconds, measure, turned, points]) => ({ file, seconds, measure, turned, points }),
);
const mean = (numbers) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const cpuMs = () => process.cpuUsage().user / 1000;
const report = {};
const add = (table, row, column, value) => {
  report[table] ??= {};
  report[table][row] ??= {};
  (report[table][row][column] ??= []).push(value);
};

const parts = { lips, turns, sizes, tracks };
for (const name of values.only.split(',')) await parts[name]();
for (const { detector } of detectors) detector.dispose();
show();

function frameAt(file, seconds) {
  const path = join(data, file);
  const size = [...['-v', 'error', '-select_streams', 'v:0'], '-show_entries', 'stream=width,height', '-of', 'csv=p=0'];
  const { stdout: text } = spawnSync('ffprobe', [...size, path], { encoding: 'utf8' });
  const [width, height] = text.trim().split('\n')[0].split(',').map(Number);
  const one = ['-nostdin', '-v', 'error', '-ss', String(seconds), '-i', path, '-frames:v', '1'];
  const { stdout } = spawnSync('ffmpeg', [...one, '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'], {
    maxBuffer: 2 ** 30,
  });
  return { data: new Uint8Array(stdout), width, height, index: 0, timeSec: 0 };
}

/** Mean distance of the nearest face's lips from those of the truth; undefined where no face is near. */
function lipError(faces, points, measure) {
  const errors = faces.map((face) =>
    mean(
      [48, 51, 54, 57].map((i, k) =>
        Math.hypot(face.points[2 * i] - points[k][0], face.points[2 * i + 1] - points[k][1]),
      ),
    ),
  );
  const least = Math.min(...errors) / measure;
  return least < 0.5 ? least : undefined;
}

async function lips() {
  for (const { file, seconds, measure, turned, points } of checked) {
    const frame = frameAt(file, seconds);
    for (const { model, detector } of detectors) {
      detector.reset();
      const error = lipError(await detector.detect(frame), points, measure);
      for (const row of ['all', turned ? 'turned' : 'not turned'])
        add('lips, % of the face measure', row, model, error);
    }
  }
}

/** 480 x 480 pixels of `frame`, to which `source` maps theirs; each averaged over `n` x `n` samples. */
function warped(frame, source, n) {
  const size = 480;
  const made = new Uint8Array(size * size * 3);
  const limit = (value, top) => Math.min(top - 1.001, Math.max(0, value - 0.5));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const sum = [0, 0, 0];
      for (let i = 0; i < n * n; i++) {
        const [sx, sy] = source(column + ((i % n) + 0.5) / n, row + (Math.floor(i / n) + 0.5) / n);
        const [x, y] = [limit(sx, frame.width), limit(sy, frame.height)];
        const at = (Math.floor(y) * frame.width + Math.floor(x)) * 3;
        const [fx, fy, below] = [x % 1, y % 1, frame.width * 3];
        for (let c = 0; c < 3; c++) {
          const upper = frame.data[at + c] * (1 - fx) + frame.data[at + 3 + c] * fx;
          sum[c] +=
            upper * (1 - fy) + (frame.data[at + below + c] * (1 - fx) + frame.data[at + below + 3 + c] * fx) * fy;
        }
      }
      for (let c = 0; c < 3; c++) made[(row * size + column) * 3 + c] = sum[c] / (n * n) + 0.5;
    }
  }
  return { data: made, width: size, height: size, index: 0, timeSec: 0 };
}

async function turns() {
  const faces = checked.filter(({ turned, measure }) => !turned && measure > 45).filter((_, i) => i % 3 === 0);
  const cases = [
    ...[0, 20, 40, 60, 90].map((degrees) => ({ name: `rotated ${degrees} degrees`, degrees, side: 0, measure: 60 })),
    ...[0.5, -0.5, 0.8, -0.8].map((side) => ({
      name: `from the side, ${Math.abs(side)}`,
      degrees: 0,
      side,
      measure: 60,
    })),
    ...[30, 20, 14, 10].map((measure) => ({ name: `face measure ${measure} px`, degrees: 0, side: 0, measure })),
  ];
  for (const { file, seconds, measure, points } of faces.slice(0, 12)) {
    const frame = frameAt(file, seconds);
    // somewhat above the mouth, so that the face is in the middle
    const [x0, y0] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y)) - 0.6 * measure];
    for (const { name, degrees, side, measure: wanted } of cases) {
      const scale = measure / wanted;
      const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
      const source = (column, row) => {
        const [u, v] = [(column - 240) / 240, (row - 240) / 240];
        const dx = (u / (1 - side * u)) * 240;
        const dy = v * (1 + (side * u) / (1 - side * u)) * 240;
        return [x0 + (cos * dx + sin * dy) * scale, y0 + (cos * dy - sin * dx) * scale];
      };
      const target = ([x, y]) => {
        const [dx, dy] = [(x - x0) / scale, (y - y0) / scale];
        const [u, v] = [(cos * dx - sin * dy) / 240, (sin * dx + cos * dy) / 240];
        return [240 + (240 * u) / (1 + side * u), 240 + (240 * v) / (1 + side * u)];
      };
      const made = warped(frame, source, Math.max(1, Math.min(6, Math.round(scale * 1.2))));
      for (const { model, detector } of detectors) {
        detector.reset();
        add(
          'turns, % of the face measure',
          name,
          model,
          lipError(await detector.detect(made), points.map(target), wanted),
        );
      }
    }
  }
}

async function sizes() {
  const faces = checked.filter(({ turned, measure }) => !turned && measure > 50).filter((_, i) => i % 3 === 1);
  for (const { file, seconds, measure, points } of faces.slice(0, 10)) {
    const frame = frameAt(file, seconds);
    for (const pixels of [110, 64, 48, 36, 28, 20, 14]) {
      const scale = pixels / (2.2 * measure); // from the brows to the chin a face has about 2.2 measures
      const [width, height] = [frame.width * scale, frame.height * scale].map(Math.round);
      if (scale > 1.5 || width > 1800 || height > 1000) continue;
      const [left, top] = [Math.round(700 - width / 2), Math.round(Math.max(0, 420 - height / 2))];
      const made = new Uint8Array(1920 * 1080 * 3).fill(115);
      const n = Math.max(1, Math.ceil(1 / scale / 1.5));
      for (let i = 0; i < width * height * 3; i++) {
        const [c, column, row] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
        let sum = 0;
        for (let k = 0; k < n * n; k++) {
          const x = Math.min(frame.width - 1, Math.floor((column + ((k % n) + 0.5) / n) / scale));
          const y = Math.min(frame.height - 1, Math.floor((row + (Math.floor(k / n) + 0.5) / n) / scale));
          sum += frame.data[(y * frame.width + x) * 3 + c];
        }
        made[((row + top) * 1920 + column + left) * 3 + c] = sum / (n * n);
      }
      const target = points.map(([x, y]) => [left + x * scale, top + y * scale]);
      for (const { model, detector } of detectors) {
        detector.reset();
        const before = cpuMs();
        const found = await detector.detect({ data: made, width: 1920, height: 1080, index: 0, timeSec: 0 });
        add('CPU time of a search in 1920 x 1080, ms', `${pixels} px`, model, cpuMs() - before);
        add(
          'sizes in 1920 x 1080, % of the face measure',
          `${pixels} px`,
          model,
          lipError(found, target, measure * scale),
        );
      }
    }
  }
}

/** A reader that stops after some frames. */
function shortened(media, frameCount) {
  const first = (frames) => ({
    fps: 25,
    async *[Symbol.asyncIterator]() {
      for await (const frame of frames) {
        yield frame;
        if (frame.index >= frameCount - 1) return;
      }
    },
  });
  return {
    probe: (path) => media.probe(path),
    audio: (path, options) => media.audio(path, options),
    frames: (path, options) => first(media.frames(path, options)),
    view: (path, options) => {
      const frames = media.view(path, options);
      return frames && first(frames);
    },
  };
}

async function tracks() {
  const [{ loadExpert }, { openMedia }, { openTrackedVideo, streamSyncWindows }, { rocAuc }] = await Promise.all(
    ['score', 'media', 'sync-windows', 'metrics'].map(load),
  );
  const tf = (await import('@tensorflow/tfjs-core')).default ?? (await import('@tensorflow/tfjs-core'));
  const expert = await loadExpert(join(data, '../weights/lite-start.safetensors'));
  const reader = shortened(await openMedia({ log: () => {} }), Math.round(25 * Number(values.seconds)));
  for (const set of ['talk', 'lrw-ar', 'wild']) {
    const files = readdirSync(join(data, set)).filter((file) => /\.(mp4|mkv|webm)$/.test(file));
    const step = Math.max(1, Math.floor(files.length / Number(values.clips)));
    for (const file of files.filter((_, i) => i % step === 0).slice(0, Number(values.clips))) {
      for (const { model, detector } of detectors) {
        let [spent, count] = [0, 0];
        const timed = {
          scheme: 'ibug68',
          reset: () => detector.reset(),
          dispose: () => {},
          async detect(frame) {
            const before = cpuMs();
            const faces = await detector.detect(frame);
            spent += cpuMs() - before;
            count++;
            return faces;
          },
        };
        const { collect, detectionSide } = landmarkSettings('fast', model);
        const path = join(data, set, file);
        const video = await openTrackedVideo({ path, reader, detector: timed, collect, detectionSide }).catch(
          () => undefined,
        );
        const track = video?.tracks.toSorted((a, b) => b.frameCount - a.frameCount)[0];
        add(`${set}: frames in the longest track, %`, set, model, track ? track.frameCount / video.frameCount : 0);
        add(`${set}: CPU time of a detection, ms`, set, model, spent / count);
        if (!track || track.frameCount < 20) continue;
        add(`${set}: jitter of the mouth, % of the eye distance`, set, model, jitter(track, collect.stride));
        const { lseC, auc } = await scoreOf(
          { tf, expert, rocAuc },
          streamSyncWindows(video, { recipe: expert.recipe, tracks: [track] }),
        );
        add(`${set}: LSE-C`, set, model, lseC);
        add(`${set}: AUC`, set, model, auc);
        video.release();
      }
    }
  }
  expert.dispose();
}

function jitter({ points, frameCount }, stride) {
  const centre = (frame, from, to, axis) => {
    let sum = 0;
    for (let i = from; i <= to; i++) sum += points[frame * 136 + 2 * i + axis];
    return sum / (to - from + 1);
  };
  const seen = Array.from({ length: Math.ceil(frameCount / stride) }, (_, i) => i * stride);
  const eyes = median(
    seen.map((f) =>
      Math.hypot(centre(f, 36, 41, 0) - centre(f, 42, 47, 0), centre(f, 36, 41, 1) - centre(f, 42, 47, 1)),
    ),
  );
  const third = seen.slice(3).map((_, i) => {
    const [a, b, c, d] = seen.slice(i, i + 4);
    const along = (axis) =>
      centre(d, 48, 67, axis) - 3 * centre(c, 48, 67, axis) + 3 * centre(b, 48, 67, axis) - centre(a, 48, 67, axis);
    return Math.hypot(along(0), along(1));
  });
  return median(third) / eyes / Math.sqrt(20); // 1 + 9 + 9 + 1: the variance of independent errors
}

/** LSE-C, and the AUC of windows in sync against those 5 to 30 windows away, at the clip's own offset. */
async function scoreOf({ tf, expert, rocAuc }, windows) {
  const { frameCount, crop, featureSteps } = expert.recipe;
  const [frames, features] = [[], []];
  for await (const window of windows) {
    frames.push(tf.tensor3d(window.frames, [crop.size, crop.size, 3 * frameCount]));
    features.push(tf.tensor3d(window.features, [window.features.length / featureSteps, featureSteps, 1]));
  }
  const run = (list, embed) => {
    const pieces = [];
    for (let i = 0; i < list.length; i += 32) pieces.push(tf.tidy(() => embed(tf.stack(list.slice(i, i + 32)))));
    return tf.tidy(() => tf.concat(pieces));
  };
  const visual = run(frames, (x) => expert.encodeVisual(x));
  const audio = run(features, (x) => expert.encodeAudio(x));
  const product = tf.matMul(visual, audio, false, true);
  const cosines = await product.data();
  tf.dispose([visual, audio, product, ...frames, ...features]);
  const n = frames.length;
  const distances = [];
  for (let shift = -15; shift <= 15; shift++) {
    const at = Array.from({ length: n }, (_, i) => i).filter((i) => i + shift >= 0 && i + shift < n);
    if (at.length > 0)
      distances.push({ shift, distance: mean(at.map((i) => Math.sqrt(2 - 2 * cosines[i * n + i + shift]))) });
  }
  const best = distances.reduce((a, b) => (a.distance < b.distance ? a : b));
  const [inSync, off] = [[], []];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const away = Math.abs(k - i - best.shift);
      if (away === 0) inSync.push(cosines[i * n + k]);
      else if (away >= 5 && away <= 30) off.push(cosines[i * n + k]);
    }
  }
  const lseC = median(distances.map(({ distance }) => distance)) - best.distance;
  return { lseC, auc: rocAuc({ inSync, offSync: off }) };
}

function show() {
  const figures = {};
  for (const [table, rows] of Object.entries(report)) {
    figures[table] = {};
    for (const [row, columns] of Object.entries(rows)) {
      figures[table][row] = {};
      for (const [model, all] of Object.entries(columns)) {
        const found = all.filter((value) => value !== undefined);
        const factor = table.includes('%') ? 100 : 1;
        figures[table][row][model] = { mean: factor * mean(found), found: found.length, of: all.length };
      }
    }
  }
  if (values.json) return console.log(JSON.stringify(figures, null, 1));
  for (const [table, rows] of Object.entries(figures)) {
    console.log(`\n${table}`);
    for (const [row, columns] of Object.entries(rows)) {
      const cells = Object.entries(columns).map(
        ([model, cell]) => `${model} ${cell.mean.toFixed(3)} (${cell.found}/${cell.of})`,
      );
      console.log(`  ${row.padEnd(24)} ${cells.join('   ')}`);
    }
  }
}
