import { loadExpert } from '@lipsync/score';
import { type ExpertEvaluation, evaluateExpert } from '@lipsync/train';
import { createCommand, type OptionsOf, UsageError, wholeNumber } from '../terminal/command';
import { csv } from '../terminal/csv';
import { helpEnd } from '../terminal/help-end';
import { openClips } from '../terminal/open-clips';
import {
  backendOption,
  configOption,
  heldOutOption,
  jsonOption,
  prefixOption,
  recipeOption,
  startBackend,
  threadsOption,
  verboseOption,
} from '../terminal/options';
import { log, printJson } from '../terminal/output';
import { createProgress } from '../terminal/progress';
import { loadOptions } from '../terminal/read-files';
import { PRETRAINED, resolveWeights } from '../weights/fetch-weights';
import { describeWeightsFacts, weightsFacts } from '../weights/weights-facts';
import { assertCanBeCalibrated, calibrateWeights, describeCalibration } from './calibrate-weights';
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
    .option('--weights <file>', 'weights of the sync network: any that lipsync score takes', PRETRAINED)
    .addOption(recipeOption())
    .addOption(configOption())
    .addOption(prefixOption())
    .addOption(heldOutOption())
    .option('--all', 'evaluate on all clips, not on the validation clips only')
    .addOption(wholeNumber('--max-clips <n>', 'most clips, evenly spread (default: all validation clips)', 1))
    .addOption(wholeNumber('--per-clip <n>', 'pairs of each kind for each clip', 1).default(12))
    .addOption(
      wholeNumber('--min-distance <frames>', 'least distance between frames and audio of an off-sync pair', 1).default(
        3,
      ),
    )
    .addOption(
      wholeNumber('--max-offset <frames>', 'largest offset of the accuracy by offset, 0 to leave it out').default(15),
    )
    .option(
      '--calibrate <out>',
      'in place of this, fit what turns the evidence of a verdict into a confidence, and write a copy of the weights with it ' +
        '(safetensors) and a reliability diagram (SVG)',
    )
    .addOption(wholeNumber('--seed <n>', 'seed of the pairs, of the cases and of a random split').default(7))
    .addOption(jsonOption())
    .option('--csv', 'print one line for each clip as CSV on standard output')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['clips', 'recipe'],
        examples: ['evaluate expert clips --weights run/weights.safetensors', 'evaluate expert clips --csv'],
      }),
    );
}

async function runEvaluateExpert(folder: string, options: OptionsOf<ReturnType<typeof expertOptions>>): Promise<void> {
  if (options.json && options.csv) throw new UsageError('--json must stand alone, got --csv beside it');
  const { calibrate } = options;
  if (calibrate !== undefined && options.csv) throw new UsageError('--calibrate must stand without --csv, got both');
  const weightsFile = await resolveWeights(options.weights);
  if (calibrate !== undefined) await assertCanBeCalibrated(weightsFile);
  const store = await openClips(folder);
  const { clips } = options.all ? { clips: await store.list() } : await validationClips(store, options);
  const loading = await loadOptions(options);
  await startBackend(options);
  const expert = await loadExpert(weightsFile, loading);
  const progress = createProgress({ label: 'evaluate', total: clips.length });
  let evaluation: ExpertEvaluation;
  const { perClip, minDistance, maxOffset, seed } = options;
  const onClip = (done: number) => progress.update(done);
  try {
    if (calibrate !== undefined) {
      const paths = { weights: weightsFile, out: calibrate };
      const { fit, chart } = await calibrateWeights(expert, { store, clips, ...paths, seed, onClip });
      progress.stop();
      if (options.json) printJson({ expert: expert.name, ...paths, chart, clips: folder, fit });
      else process.stdout.write(`${describeCalibration(fit)}\n`);
      log(`${calibrate} has the calibration, ${chart} its reliability diagram`);
      return;
    }
    evaluation = await evaluateExpert(expert, store, { clips, perClip, minDistance, maxOffset, seed, onClip });
  } finally {
    progress.stop();
    expert.dispose();
  }
  const { name, weightsHash } = expert;
  const weights = weightsFacts(options.weights, weightsHash);
  log(`${name}, ${describeWeightsFacts(weights)}`);
  if (options.json) printJson({ expert: name, weights, weightsHash, clips: folder, evaluation });
  else if (options.csv) process.stdout.write(clipRows(evaluation));
  else process.stdout.write(`${describeEvaluation(evaluation, options.minDistance)}\n`);
}

/** An evaluation in lines: both rules for off-sync pairs, then accuracy by offset and the clips with the lowest accuracy. */
export function describeEvaluation(evaluation: ExpertEvaluation, minDistance: number): string {
  const { accuracy, best, auc, anyOtherStart, pairs, clips, leftOut, byOffset, byClip } = evaluation;
  const shares = (of: { balanced: number; inSync: number; offSync: number }) =>
    `${of.balanced.toFixed(4)} (in sync ${of.inSync.toFixed(4)}, off sync ${of.offSync.toFixed(4)})`;
  const rule = (of: Pick<ExpertEvaluation, 'accuracy' | 'best' | 'auc'>) => [
    `  AUC ${of.auc.toFixed(4)} (0.5 is chance, 1 is perfect)`,
    `  balanced accuracy at threshold 0.5: ${shares(of.accuracy)}`,
    `  balanced accuracy at the best threshold, ${of.best.threshold.toFixed(3)} (optimistic): ${shares(of.best)}`,
  ];
  const worst = [...byClip].sort((a, b) => a.balanced - b.balanced).slice(0, 5);
  return [
    `${clips} clips, ${pairs.inSync} pairs of single windows in sync, as many off sync`,
    `off-sync pairs at least ${minDistance} frames apart, of the same clip:`,
    ...rule({ accuracy, best, auc }),
    `off-sync pairs of any other start of the same clip (as the thesis and LatentSync):`,
    ...rule(anyOtherStart),
    `mean score ${evaluation.meanInSync.toFixed(4)} in sync, ${evaluation.meanOffSync.toFixed(4)} off sync; cross-entropy ${evaluation.crossEntropy.toFixed(4)}`,
    ...(byOffset.length > 0 ? ['accuracy by offset in frames (positive: the audio window is later):'] : []),
    ...byOffset.map(
      ({ offsetFrames, accuracy: share }) => `  ${String(offsetFrames).padStart(3)}  ${share.toFixed(4)}`,
    ),
    ...(worst.length > 0 ? ['clips with the lowest balanced accuracy (--csv prints all):'] : []),
    ...worst.map(({ clip, balanced }) => `  ${balanced.toFixed(4)}  ${clip}`),
    ...(leftOut.length > 0 ? [`${leftOut.length} clips were too short for a pair`] : []),
  ].join('\n');
}

/** Accuracy by clip as CSV. */
export function clipRows({ byClip }: Pick<ExpertEvaluation, 'byClip'>): string {
  return csv([
    ['clip', 'pairs_in_sync', 'pairs_off_sync', 'balanced_accuracy', 'accuracy_in_sync', 'accuracy_off_sync'],
    ...byClip.map(({ clip, pairs, balanced, inSync, offSync }) => [
      clip,
      pairs.inSync,
      pairs.offSync,
      balanced,
      inSync,
      offSync,
    ]),
  ]);
}
