/**
 * Windows a second out of a store, for LITE's recipe with everything varied, beside a PyTorch DataLoader that does the same on the same files:
 * reads a clip's safetensors file, inflates its frames, cuts six windows of ten frames (turned, scaled, shifted, mirrored, coloured, with noise)
 * and of 32 mel steps (tilted, stretched, with a floor and noise) of each of 12 clips.
 *
 *     node bench/dataloader-windows.mjs --clips DIR [--batches 40] [--of 200] [--rounds 3] [--loudness]
 *
 * --loudness: ours brings the speech of each clip to one level, so that features are computed from its audio instead of read.
 * cold: nothing is kept from batch to batch; cached: all clips are held decoded. Needs python3 with torch for the ratio.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LITE, recipeOf } from '../packages/avalignnet/dist/index.js';
import { selectBackend } from '../packages/backends/dist/index.js';
import { SPEECH_LOUDNESS } from '../packages/contracts/dist/index.js';
import { ClipStore, CONTRAST, disposeBatch, SyncLoader } from '../packages/dataloader/dist/index.js';

const { values } = parseArgs({
  options: {
    clips: { type: 'string' },
    batches: { type: 'string', default: '40' },
    of: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    loudness: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
if (!values.clips) throw new Error('--clips must be a store made by lipsync prepare, got none');
const [batches, of, rounds] = [values.batches, values.of, values.rounds].map(Number);
await selectBackend({ backend: 'wasm' });
const recipe = { ...recipeOf(LITE), loudness: values.loudness ? SPEECH_LOUDNESS : 'none' };
const ids = (await (await ClipStore.open(values.clips)).list()).slice(0, of);

async function ours(workers, cached) {
  const store = await ClipStore.open(values.clips, { cacheBytes: cached ? 8 * 2 ** 30 : 0 });
  const loader = new SyncLoader(store, recipe, { ...CONTRAST, clips: ids, seed: 1, workers, prefetch: 4 });
  const warm = cached ? Math.ceil((3 * of) / CONTRAST.sampling.clips) : 4; // every clip has very likely been seen
  let started = 0;
  for await (const batch of loader) {
    disposeBatch(batch);
    if (batch.step === warm) started = performance.now();
    if (batch.step === warm + batches) break;
  }
  const seconds = (performance.now() - started) / 1000;
  loader.dispose();
  return (batches * 72) / seconds;
}

const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
function theirs(workers, cached) {
  const script = fileURLToPath(new URL('dataloader-windows.py', import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    python,
    [script, values.clips, String(of), String(batches), String(workers), String(Number(cached))],
    { encoding: 'utf8' },
  );
  if (status !== 0) console.error(stderr.trim().split('\n').pop());
  return status === 0 ? Number(stdout) : Number.NaN;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const rows = [];
if (!values.json)
  console.log(`medians of ${rounds} rounds each, in turn\nwindows a second | ours | PyTorch | ours / PyTorch`);
for (const workers of [0, 2]) {
  for (const cached of [false, true]) {
    const [all, others] = [[], []];
    for (let round = 0; round < rounds; round++) {
      all.push(await ours(workers, cached));
      others.push(theirs(workers, cached));
    }
    const [a, b] = [all, others].map(median);
    rows.push({
      workers,
      cached,
      windowsPerSecond: a,
      lowest: Math.min(...all),
      highest: Math.max(...all),
      torchPerSecond: b,
      timesTorch: a / b,
    });
    if (!values.json)
      console.log(
        `${cached ? 'cached' : 'cold'}, ${workers} workers | ${a.toFixed(0)} | ${b.toFixed(0)} | ${(a / b).toFixed(2)}`,
      );
  }
}
if (values.json) console.log(JSON.stringify(rows, null, 2));
process.exit(0);
