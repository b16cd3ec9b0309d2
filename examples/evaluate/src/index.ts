/**
 * Judges an expert on prepared clips: how well it tells single windows in sync from windows off sync, by distance.
 *
 *   node examples/evaluate/dist/index.js WEIGHTS CLIPS [--held-out FILE] [--recipe FILE] [--per-clip N] [--json]
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAVAlignNet } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { createProgress } from '@lipsync/cli';
import { assertSyncRecipe } from '@lipsync/contracts';
import { ClipStore, splitByList } from '@lipsync/dataloader';
import { evaluateExpert } from '@lipsync/train';

const words = process.argv.slice(2);
const { values, positionals } = parseArgs({
  args: words[0] === '--' ? words.slice(1) : words,
  allowPositionals: true,
  options: {
    'held-out': { type: 'string' },
    recipe: { type: 'string' },
    'per-clip': { type: 'string', default: '12' },
    'min-distance': { type: 'string', default: '3' },
    json: { type: 'boolean' },
  },
});
if (positionals.length !== 2) {
  console.error(`evaluate: WEIGHTS and CLIPS must be given, got ${positionals.length} of them`);
  process.exit(2);
}
const [weights, clips] = positionals.map((path) => resolve(path));
const path = (name: 'held-out' | 'recipe') => (values[name] === undefined ? undefined : resolve(values[name]));

await selectBackend({ log: console.error });
const recipeFile = path('recipe');
const recipe = recipeFile ? assertSyncRecipe('evaluate', JSON.parse(await readFile(recipeFile, 'utf8'))) : undefined;
const expert = await loadAVAlignNet(await readFile(weights), { recipe });
const store = await ClipStore.open(clips);
const list = path('held-out');
const all = await store.list();
const droppedSources = (await store.dropped()).map((drop) => drop.source);
const ids = list ? splitByList(all, await readFile(list, 'utf8'), { droppedSources }).held : all;

const bar = createProgress({ label: 'evaluate', total: ids.length });
const report = await evaluateExpert(expert, store, {
  clips: ids,
  perClip: Number(values['per-clip']),
  minDistance: Number(values['min-distance']),
  onClip: (done) => bar.update(done),
});
bar.stop();
expert.dispose();

if (values.json) {
  console.log(JSON.stringify({ weightsHash: expert.weightsHash, ...report }, null, 2));
} else {
  const { auc, accuracy, best, crossEntropy, pairs, meanInSync, meanOffSync } = report;
  console.log(
    `${report.clips} clips, ${pairs.inSync} pairs in sync and ${pairs.offSync} off sync (single windows of the same clip, at least ${values['min-distance']} frames apart)`,
  );
  console.log(`AUC ${auc.toFixed(4)} (higher is better, 0.5 is chance)`);
  console.log(
    `balanced accuracy at 0.5: ${accuracy.balanced.toFixed(4)} (in sync ${accuracy.inSync.toFixed(4)}, off sync ${accuracy.offSync.toFixed(4)}); best ${best.balanced.toFixed(4)} at ${best.threshold.toFixed(3)}`,
  );
  console.log(
    `mean cosine ${meanInSync.toFixed(4)} in sync, ${meanOffSync.toFixed(4)} off sync; cross-entropy ${crossEntropy.toFixed(4)}`,
  );
  if (report.leftOut.length > 0) console.log(`${report.leftOut.length} clips were too short for a pair`);
}
