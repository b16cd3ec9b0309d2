/**
 * A StableSyncNet of full size through `scoreVideo`, beside PyTorch on the same windows:
 *
 *     node scripts/check-stable-syncnet.mjs [VIDEO] [--config syncnet_16_pixel_attn] [--seconds 1.2]
 *
 * By default the first video of LIPSYNC_SHARED/data/wild. PyTorch writes a network with made weights by torch.save (1.6
 * GB); it is loaded with nothing else said, scores the first seconds of the video, and PyTorch embeds windows that it
 * was given. Fails where an embedding differs by more than 1e-4. Needs the built packages, ffmpeg and python3 with
 * torch; says so and ends well where they are missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const LIMIT = 1e-4;
const ROWS = 4; // windows that are compared
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const shared = process.env.LIPSYNC_SHARED ?? '../shared';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    config: { type: 'string', default: 'syncnet_16_pixel_attn' },
    seconds: { type: 'string', default: '1.2' },
  },
});
const skip = (reason) => {
  console.log(`stable-syncnet: skipped, ${reason}`);
  process.exit(0);
};
if (spawnSync(python, ['-c', 'import numpy, torch']).status !== 0) skip(`${python} has no PyTorch`);
if (spawnSync('ffmpeg', ['-version']).status !== 0) skip('no ffmpeg');
const wild = `${shared}/data/wild`;
const [
  video = existsSync(wild) &&
    join(
      wild,
      readdirSync(wild)
        .filter((name) => name.endsWith('.mp4'))
        .sort()[0],
    ),
] = positionals;
if (!video) skip(`no video given and no ${wild}`);

const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const [{ selectBackend }, { loadExpert, scoreVideo }, { encodeNpy, openCheckpoint }] = await Promise.all(
  ['backends', 'score', 'checkpoints'].map(load),
);
const run = (command, args) => {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};
const reference = (...args) => run(python, ['reference/avalignnet-reference.py', ...args, '--config', values.config]);

/** An expert that notes the rows it is given and its embeddings of them. */
function noting(expert) {
  const noted = { frames: [], features: [], visual: [], audio: [] };
  const note = (inputs, outputs, x, y) => {
    const [given, made] = [x.dataSync(), y.dataSync()];
    const rows = x.shape[0];
    for (let row = 0; row < rows && noted[inputs].length < ROWS; row++) {
      noted[inputs].push(given.slice((row * given.length) / rows, ((row + 1) * given.length) / rows));
      noted[outputs].push(made.slice((row * made.length) / rows, ((row + 1) * made.length) / rows));
    }
    return y;
  };
  const { name, recipe, embeddingSize, space, weightsHash } = expert;
  const noter = {
    ...{ name, recipe, embeddingSize, space, weightsHash },
    encodeVisual: (frames) => note('frames', 'visual', frames, expert.encodeVisual(frames)),
    encodeAudio: (features) => note('features', 'audio', features, expert.encodeAudio(features)),
    dispose: () => expert.dispose(),
  };
  return { noter, noted };
}

await selectBackend({ backend: 'wasm', log: console.log });
const folder = mkdtempSync(join(tmpdir(), 'lipsync-stable-'));
let failed = false;
try {
  const [weights, short] = [join(folder, 'stable_syncnet.pt'), join(folder, 'short.mp4')];
  run('ffmpeg', ['-v', 'error', '-i', video, '-t', values.seconds, '-r', '25', short]);
  reference('--save-stable', weights);
  const expert = await loadExpert(weights); // nothing else said
  const { noter, noted } = noting(expert);
  const score = await scoreVideo(short, { expert: noter });
  const [face] = score.faces;
  if (!face) throw new Error(`${short}: no face: ${score.problems.join('; ')}`);
  const { frameCount, crop, featureSteps } = expert.recipe;
  console.log(`stable-syncnet: ${video}: ${face.windows} windows, LSE-D ${face.lseD.toFixed(4)}, ${face.sentence}`);
  console.log(
    `  recipe: ${frameCount} frames of ${JSON.stringify(crop)}, ${featureSteps} steps of ${expert.recipe.features}`,
  );
  const rows = noted.frames.length;
  const stack = (list, shape) => {
    const data = new Float32Array(list.length * list[0].length);
    list.forEach((row, index) => void data.set(row, index * row.length));
    return encodeNpy({ dtype: 'float32', shape: [list.length, ...shape], data });
  };
  writeFileSync(join(folder, 'frames.npy'), stack(noted.frames, [128, 256, frameCount * 3]));
  writeFileSync(join(folder, 'features.npy'), stack(noted.features.slice(0, rows), [80, featureSteps, 1]));
  reference('--embed-stable', folder, join(folder, 'out.npz'));
  const theirs = await openCheckpoint(join(folder, 'out.npz'));
  for (const part of ['visual', 'audio']) {
    const { data } = await theirs.read(part);
    const ours = noted[part].slice(0, rows).flatMap((row) => [...row]);
    const largest = ours.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i])), 0);
    const holds = ours.length === data.length && largest <= LIMIT;
    failed ||= !holds;
    console.log(
      `  ${part}: ${rows} embeddings, largest difference ${largest.toExponential(1)} (limit ${LIMIT}): ${holds ? 'holds' : 'FAILS'}`,
    );
  }
  await theirs.close();
  expert.dispose();
  // The command, with the same file and nothing else said.
  const program = 'packages/cli/bin/lipsync.js';
  const command = spawnSync(
    process.execPath,
    [program, 'score', '--weights', weights, '--threads', '1', '--json', short],
    {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    },
  );
  const own = command.status === 0 ? JSON.parse(command.stdout).files[0].faces[0] : undefined;
  const same = own?.windows === face.windows && Math.abs(own.lseD - face.lseD) < LIMIT;
  failed ||= !same;
  console.log(
    `  lipsync score --weights stable_syncnet.pt: ${own ? `LSE-D ${own.lseD.toFixed(4)}` : command.stderr.slice(-500)}: ${same ? 'holds' : 'FAILS'}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failed) process.exit(1);
