/**
 * Measures a sync network on prepared clips: how well it tells single windows in sync from windows off sync.
 *
 *   node examples/evaluate/dist/index.js WEIGHTS CLIPS [--held-out FILE]
 *
 * The command `lipsync evaluate expert` prints more of the same report.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { selectBackend } from '@lipsync/backends';
import { ClipStore } from '@lipsync/dataloader';
import { showProgress } from '@lipsync/embedded-data';
import { loadExpert } from '@lipsync/score';
import { evaluateExpert, trainingSplit } from '@lipsync/train';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'held-out': { type: 'string' } } });
const [weights, folder] = positionals;
if (positionals.length !== 2)
  throw new Error(`evaluate: WEIGHTS and CLIPS must be given, got ${positionals.join(' ')}`);

await selectBackend({ log: console.error });
const expert = await loadExpert(weights); // any sync network: AVAlignNet, SyncNet, Wav2Lip’s, LatentSync’s
const store = await ClipStore.open(folder);
const list = values['held-out'];
const heldOut = list === undefined ? undefined : (await readFile(list, 'utf8')).split(/\r?\n/).filter(Boolean);
const { held: clips } = await trainingSplit(store, { heldOut, seed: 0 });

const progress = showProgress('evaluate', clips.length);
const { auc, accuracy, best, pairs, meanInSync, meanOffSync } = await evaluateExpert(expert, store, {
  clips,
  onClip: (done) => progress.update(done),
});
progress.stop();
expert.dispose();

console.log(`${clips.length} validation clips, ${pairs.inSync} pairs in sync and ${pairs.offSync} off sync`);
console.log(`AUC ${auc.toFixed(4)} (0.5 is chance)`);
console.log(`balanced accuracy ${accuracy.balanced.toFixed(4)} at threshold 0.5`);
console.log(
  `balanced accuracy ${best.balanced.toFixed(4)} at the best threshold, ${best.threshold.toFixed(3)} (optimistic)`,
);
console.log(`mean score ${meanInSync.toFixed(4)} in sync, ${meanOffSync.toFixed(4)} off sync`);
