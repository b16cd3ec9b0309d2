// Overfits a generator to one clip: first its frames, then its sync by an expert. Shows that a network of this size can generate a mouth at all.
//
//     pnpm build && node bench/dinet-overfit.mjs STORE CLIP --out DIR [--expert FILE] [--width 8] [--frame-steps 600] [--clip-steps 150] [--threads 1] [--json]
//
// STORE: head crops (`lipsync prepare --head 64`), CLIP: the id of one of its clips. It should reach a PSNR of the mouth above 28 dB, and a sync loss below its
// value on shifted audio. Writes both runs and a sheet of frames into DIR; resumes where it was stopped.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { trainedGenerator } from './support/trained-generator.mjs';

const { values, positionals } = parseArgs({
  options: {
    out: { type: 'string', default: 'overfit' },
    expert: { type: 'string' },
    width: { type: 'string', default: '8' },
    'frame-steps': { type: 'string', default: '600' },
    'clip-steps': { type: 'string', default: '150' },
    rate: { type: 'string', default: '2e-3' },
    threads: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const [{ selectBackend }, { evaluateGenerator }, { ClipStore }, { LITE_DINET, loadDinet }, { loadAVAlignNet }] =
  await Promise.all(['backends', 'train', 'dataloader', 'dinet', 'avalignnet'].map(load));
await selectBackend({ threads: Number(values.threads), log: console.error });
const [store, clip] = [await ClipStore.open(resolve(positionals[0])), positionals[1]];
const [out, width] = [resolve(values.out), Number(values.width)];
const expert = values.expert && (await loadAVAlignNet(await readFile(values.expert)));
// The frames alone count: no discriminators, and a rate that a short run needs.
const common = {
  store,
  clips: [clip],
  heldOut: [],
  perceptual: 'none',
  weights: { image: 10, gan: 0, sync: 0.1 },
  learningRate: Number(values.rate),
  clipNorm: 1,
  workers: 0,
  checkpointEvery: 100,
};
const config = { ...LITE_DINET, width, referenceChannels: 4 * width };
const frame = join(out, 'frame');
let last = existsSync(join(frame, 'weights.safetensors'))
  ? JSON.parse(await readFile(join(frame, 'report.json'), 'utf8'))
  : await trainedGenerator({ ...common, out: frame, config, steps: Number(values['frame-steps']), batch: 8 });
let seconds = last.seconds;
if (expert) {
  last = await trainedGenerator({
    ...common,
    out: join(out, 'clip'),
    stage: 'clip',
    from: last.weights,
    expert,
    learningRate: common.learningRate / 4,
    steps: Number(values['clip-steps']),
    batch: 2,
  });
  seconds += last.seconds;
}
const generator = await loadDinet(last.weights);
const evaluation = await evaluateGenerator({
  generator,
  store,
  clips: [clip],
  experts: expert ? [expert] : [],
  otherAudio: 'shifted',
});
await writeFile(join(out, 'sheet.png'), evaluation.sheet);
console.error(evaluation.rows);
const { psnr, syncLoss } = last.validation;
const result = {
  clip,
  width,
  parameters: last.parameters,
  minutes: seconds / 60,
  mouthPsnr: evaluation.rows[0].mouthPsnr,
  drawnPsnr: psnr,
  syncLoss,
  rows: evaluation.rows,
};
if (values.json) console.log(JSON.stringify(result, null, 2));
