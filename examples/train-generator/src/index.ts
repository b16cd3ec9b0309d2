/**
 * A generator from videos to a table of figures, by commands that you can type yourself: each is shown before it runs.
 *
 *   npm run example:train-generator -- --generator wav2lip               on talking faces that are drawn and voiced here
 *   npm run example:train-generator -- --generator lipgan --data DIR     on your own videos
 *
 * It can be stopped at any moment; the same line resumes.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LITE, recipeOf } from '@lipsync/avalignnet';
import { runLipsync } from '@lipsync/cli';
import { showProgress, writeEmbeddedDataset } from '@lipsync/embedded-data';

const words = process.argv.slice(2);
const { values: args } = parseArgs({
  args: words[0] === '--' ? words.slice(1) : words,
  options: {
    generator: { type: 'string', default: 'wav2lip' },
    data: { type: 'string' },
    out: { type: 'string' },
    steps: { type: 'string' },
    'expert-steps': { type: 'string' },
    backend: { type: 'string', default: 'auto' },
  },
});
const { generator, backend } = args;
if (!['wav2lip', 'lipgan', 'dinet'].includes(generator))
  throw new RangeError(`--generator must be wav2lip, lipgan or dinet, got ${generator}`);
const made = args.data === undefined;
const out = resolve(args.out ?? (made ? 'lipsync-generator-example' : 'lipsync-generator-run'));
const [videos, clips, expert, run] = [
  resolve(args.data ?? join(out, 'videos')),
  ...['clips', 'expert', generator].map((name) => join(out, name)),
];
const steps = args.steps ?? (made ? '120' : '4000');
/** Training on drawn faces is short, so its steps are larger. */
const brisk = made ? ['--learning-rate', '1e-3', '--validate-every', '40'] : [];

await mkdir(out, { recursive: true });
if (made) await drawVideos();
// The sync network takes the mouth of the same face images.
const recipe = join(out, 'recipe.json');
const crop = { kind: 'dinet', size: 48, upright: 'median of five', sampling: 'exact' };
await writeFile(recipe, JSON.stringify({ ...recipeOf(LITE), crop }));

await lipsync(
  ...['prepare', videos, clips, '--head', '64', '--recipe', recipe],
  ...(made ? ['--people', join(videos, 'labels.json')] : []),
);
await lipsync(
  ...['train', 'expert', clips, '--out', expert, '--recipe', recipe, '--backend', backend],
  ...['--steps', args['expert-steps'] ?? (made ? '100' : '1000'), ...(made ? ['--clips-per-batch', '8'] : [])],
);
const weights = join(expert, 'weights.safetensors');
const isDinet = generator === 'dinet';
await lipsync(
  ...['train', 'generator', clips, '--out', run, '--generator', generator, '--steps', steps, '--backend', backend],
  // DINet learns single frames first, without a sync network; LipGAN's is a part of it.
  ...(isDinet ? ['--perceptual', 'none'] : generator === 'wav2lip' ? ['--expert', weights] : []),
  // So much fits into the 4 GiB of wasm.
  ...['--batch', isDinet ? '8' : '2'],
  ...brisk,
);
await lipsync(
  ...['evaluate', 'generator', clips, '--weights', join(run, 'weights.safetensors'), '--expert', weights],
  ...['--out', join(out, `${generator}-figures`), '--backend', backend],
);

/** Videos of 8 people, one of them held out, and who is seen in which. */
async function drawVideos(): Promise<void> {
  console.error('embedded data: drawn faces and synthetic voices, not real people');
  const size = { people: 8, clipsPerPerson: 3, heldOutPeople: 1 };
  const progress = showProgress('draw', size.people * size.clipsPerPerson);
  await writeEmbeddedDataset(videos, { ...size, seed: 1, onProgress: (done) => progress.update(done) });
  progress.stop();
}

/** Shows a command and runs it; a failure ends this program with its status. */
async function lipsync(...command: string[]): Promise<void> {
  const shown = command.map((word) => (word.startsWith('/') ? relative('.', word) : word));
  console.error(`\nlipsync ${shown.join(' ')}`);
  const status = await runLipsync(command);
  if (status !== 0) process.exit(status);
}
