// The claim that a generator supervised by AVAlignNet is better in sync than one supervised by Wav2Lip's expert, or by none: the same generator, trained with each
// on the same data, by the same steps, from the same first stage, and scored by an expert that supervised none of them.
//
//     pnpm build && node bench/dinet-claim.mjs STORE --out DIR --experts avalignnet=FILE,wav2lip=FILE --scorer FILE [--scorer-recipe FILE] --held-out FILE
//         [--clips PREFIX] [--seeds 1,2] [--arms none,avalignnet,wav2lip] [--width 8] [--frame-steps 500] [--clip-steps 240] [--threads 1] [--table]
//
// STORE: head crops (`lipsync prepare --head 64`). Runs seeds and arms one after the other; processes with other --seeds or --arms may share DIR once the
// frame stage of a seed is there. Resumes where it was stopped. --table prints what is in DIR. The generator sees no discriminator and no VGG-19.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { trainedGenerator } from './support/trained-generator.mjs';

const { values, positionals } = parseArgs({
  options: {
    out: { type: 'string', default: 'claim' },
    experts: { type: 'string', default: '' },
    scorer: { type: 'string' },
    'scorer-recipe': { type: 'string' },
    'held-out': { type: 'string' },
    clips: { type: 'string', default: '' },
    'scored-clips': { type: 'string', default: '10' },
    seeds: { type: 'string', default: '1,2' },
    arms: { type: 'string', default: 'none,avalignnet,wav2lip' },
    width: { type: 'string', default: '8' },
    'frame-steps': { type: 'string', default: '500' },
    'clip-steps': { type: 'string', default: '240' },
    'sync-weight': { type: 'string', default: '0.1' },
    threads: { type: 'string', default: '1' },
    table: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const out = resolve(values.out);
const results = join(out, 'results');
if (values.table) table();
else await run();

async function run() {
  const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
  const names = ['backends', 'train', 'dataloader', 'dinet', 'avalignnet', 'syncnet'];
  const [
    { selectBackend },
    { evaluateGenerator },
    { ClipStore },
    { LITE_DINET, loadDinet },
    { loadAVAlignNet },
    { loadSyncNetwork },
  ] = await Promise.all(names.map(load));
  await selectBackend({ threads: Number(values.threads), log: console.error });
  await mkdir(results, { recursive: true });
  const store = await ClipStore.open(resolve(positionals[0]));
  const clips = (await store.list()).filter((id) => id.startsWith(values.clips));
  const heldOut = (await readFile(values['held-out'], 'utf8')).split(/\s+/).filter(Boolean);
  const files = Object.fromEntries(values.experts.split(',').map((entry) => entry.split('=')));
  const openers = {
    avalignnet: async (path) => loadAVAlignNet(await readFile(path)),
    wav2lip: (path) => loadSyncNetwork(path),
  };
  const experts = Object.fromEntries(
    await Promise.all(Object.entries(files).map(async ([name, path]) => [name, await openers[name](path)])),
  );
  const recipe = values['scorer-recipe'] && JSON.parse(await readFile(values['scorer-recipe'], 'utf8'));
  const scorer = await loadAVAlignNet(await readFile(values.scorer), { recipe });
  const [width, row] = [Number(values.width), 10];
  const config = { ...LITE_DINET, width, referenceChannels: 4 * width };
  const held = clips.filter((id) => heldOut.some((name) => id.includes(name)));
  const every = Math.max(1, Math.floor(held.length / Number(values['scored-clips'])));
  const scored = held.filter((_, index) => index % every === 0).slice(0, Number(values['scored-clips']));

  for (const seed of values.seeds.split(',').map(Number)) {
    const common = {
      store,
      clips,
      heldOut: held.map((id) => id.split('/').at(-1).split('.')[0]),
      perceptual: 'none',
      seed,
      clipNorm: 1,
      workers: 0,
      checkpointEvery: 50,
      validateEvery: 100,
    };
    const weights = { image: 10, gan: 0, sync: Number(values['sync-weight']) };
    const frame = {
      ...common,
      out: join(out, `frame-${seed}`),
      config,
      weights,
      learningRate: 2e-3,
      batch: 8,
      steps: Number(values['frame-steps']),
    };
    const start = join(frame.out, 'weights.safetensors');
    if (!existsSync(start)) await trainedGenerator(frame);
    for (const arm of values.arms.split(',').filter(Boolean)) {
      const expert = arm === 'none' ? undefined : experts[arm];
      const clip = {
        ...common,
        out: join(out, `clip-${seed}-${arm}`),
        stage: 'clip',
        from: start,
        expert,
        weights,
        row,
        learningRate: 5e-4,
        batch: 2,
        steps: Number(values['clip-steps']),
      };
      const report = await trainedGenerator(clip);
      const generator = await loadDinet(report.weights);
      const evaluation = await evaluateGenerator({
        generator,
        store,
        clips: scored,
        experts: [scorer, ...Object.values(experts)],
      });
      generator.dispose();
      const { rows, experts: scorers, clips: count, frameCount } = evaluation;
      await writeFile(join(out, `sheet-${seed}-${arm}.png`), evaluation.sheet);
      await writeFile(
        join(results, `${seed}-${arm}.json`),
        JSON.stringify(
          {
            seed,
            arm,
            width,
            parameters: report.parameters,
            seconds: report.seconds,
            trained: report.frameCount,
            clips: count,
            frameCount,
            scorers,
            rows,
            validation: report.validation,
          },
          null,
          2,
        ),
      );
    }
  }
  table();
}

function table() {
  const all = readdirSync(results)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(results, name), 'utf8')));
  if (all.length === 0) return console.log('nothing is evaluated yet');
  if (values.json) return console.log(JSON.stringify(all, null, 2));
  const line = (cells) => console.log(`| ${cells.join(' | ')} |`);
  line([
    'supervised by',
    'seed',
    'audio',
    'LSE-D',
    'LSE-C',
    'in sync',
    'mouth SSIM',
    'mouth PSNR',
    'SSIM',
    'PSNR',
    'vL',
    'minutes',
  ]);
  line(Array.from({ length: 12 }, () => '---'));
  const row = (name, { seed, seconds }, figures) => {
    const { lseD, lseC, inSync } = figures.sync[0];
    const number = (value, digits) =>
      value === undefined || value === null || value > 99 ? '' : value.toFixed(digits);
    const sharp = figures.sharpness === undefined ? '' : figures.sharpness.toFixed(0);
    line([
      name,
      seed,
      figures.audio,
      lseD.toFixed(3),
      lseC.toFixed(3),
      `${Math.round(100 * inSync)} %`,
      number(figures.mouthSsim, 4),
      number(figures.mouthPsnr, 2),
      number(figures.ssim, 4),
      number(figures.psnr, 2),
      sharp,
      seconds ? (seconds / 60).toFixed(1) : '',
    ]);
  };
  for (const audio of ['own', 'other']) {
    for (const result of all)
      row(
        result.arm,
        result,
        result.rows.find((figures) => figures.of === 'generated' && figures.audio === audio),
      );
    for (const of of ['copy-input', 'repeat-reference'])
      row(
        of,
        { seed: '' },
        all[0].rows.find((figures) => figures.of === of && figures.audio === audio),
      );
  }
  console.log(
    `\n${all[0].frameCount} frames of ${all[0].clips} clips that no generator was trained on; scored by ${all[0].scorers[0].name}, crop ${all[0].scorers[0].crop}`,
  );
}
