import { resolve } from 'node:path';
import { ClipStore } from '@lipsync/dataloader';
import { loadExpert } from '@lipsync/score';
import { type ExpertEvaluation, evaluateExpert } from '@lipsync/train';
import { createCommand, type OptionsOf, UsageError, wholeNumber } from '../terminal/command';
import {
  backendOption,
  configOption,
  heldOutOption,
  jsonOption,
  recipeOption,
  startBackend,
  threadsOption,
} from '../terminal/options';
import { printJson } from '../terminal/output';
import { createProgress } from '../terminal/progress';
import { loadOptions } from '../terminal/read-files';
import { resolveWeights } from '../weights/fetch-weights';
import { validationClips } from './validation-clips';

/** `lipsync evaluate expert`. */
export function evaluateExpertCommand() {
  return expertOptions().action(runEvaluateExpert);
}

function expertOptions() {
  return createCommand(
    'expert',
    'Measures how well a sync network tells windows in sync from windows off sync, on validation clips: AUC, balanced accuracy, accuracy by ' +
      'offset and by clip.',
  )
    .argument('<clips>', 'folder made by lipsync prepare')
    .requiredOption('--weights <file>', 'weights of the sync network: any file that lipsync score takes')
    .addOption(recipeOption())
    .addOption(configOption())
    .addOption(heldOutOption())
    .option('--all', 'evaluate on all clips, not on the validation clips only')
    .addOption(wholeNumber('--max-clips <n>', 'most clips, evenly spread (default: all validation clips)', 1))
    .addOption(wholeNumber('--per-clip <n>', 'pairs of each kind for each clip', 1).default(12))
    .addOption(
      wholeNumber('--min-distance <frames>', 'least distance between frames and audio of an off-sync pair', 1).default(
        3,
      ),
    )
    .addOption(wholeNumber('--seed <n>', 'seed of the pairs and of a random split').default(7))
    .addOption(jsonOption())
    .option('--csv', 'print one line for each clip as CSV on standard output')
    .addOption(backendOption())
    .addOption(threadsOption());
}

async function runEvaluateExpert(folder: string, options: OptionsOf<ReturnType<typeof expertOptions>>): Promise<void> {
  if (options.json && options.csv) throw new UsageError('--json must stand alone, got --csv beside it');
  await startBackend(options);
  const store = await ClipStore.open(resolve(folder));
  const { clips } = options.all ? { clips: await store.list() } : await validationClips(store, options);
  const expert = await loadExpert(await resolveWeights(options.weights), await loadOptions(options));
  const progress = createProgress({ label: 'evaluate', total: clips.length });
  let evaluation: ExpertEvaluation;
  try {
    const { perClip, minDistance, seed } = options;
    const onClip = (done: number) => progress.update(done);
    evaluation = await evaluateExpert(expert, store, { clips, perClip, minDistance, seed, onClip });
  } finally {
    progress.stop();
    expert.dispose();
  }
  const { name, weightsHash } = expert;
  if (options.json) printJson({ expert: name, weights: options.weights, weightsHash, clips: folder, evaluation });
  else process.stdout.write(`${describeEvaluation(evaluation, options.minDistance)}\n`);
}

/** An evaluation in lines. */
export function describeEvaluation(evaluation: ExpertEvaluation, minDistance: number): string {
  const { accuracy, best, auc, pairs, clips, leftOut, meanInSync, meanOffSync, crossEntropy } = evaluation;
  const shares = (of: { balanced: number; inSync: number; offSync: number }) =>
    `${of.balanced.toFixed(4)} (in sync ${of.inSync.toFixed(4)}, off sync ${of.offSync.toFixed(4)})`;
  return [
    `${clips} clips, ${pairs.inSync} pairs in sync and ${pairs.offSync} off sync: single windows of the same clip, at least ${minDistance} frames apart`,
    `AUC ${auc.toFixed(4)} (0.5 is chance, 1 is perfect)`,
    `balanced accuracy at threshold 0.5: ${shares(accuracy)}; best: ${shares(best)} at ${best.threshold.toFixed(3)}`,
    `mean score ${meanInSync.toFixed(4)} in sync, ${meanOffSync.toFixed(4)} off sync; cross-entropy ${crossEntropy.toFixed(4)}`,
    ...(leftOut.length > 0 ? [`${leftOut.length} clips were too short for a pair`] : []),
  ].join('\n');
}
