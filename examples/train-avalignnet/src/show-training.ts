import { type ShownProgress, showProgress } from '@lipsync/embedded-data';
import { type TrainExpertOptions, type TrainExpertReport, trainExpert } from '@lipsync/train';

/** Training: the library takes the steps and yields what happened; this loop shows it. */
export async function showTraining(options: TrainExpertOptions): Promise<TrainExpertReport> {
  let progress: ShownProgress | undefined;
  let report: TrainExpertReport | undefined;
  for await (const event of trainExpert(options)) {
    if (event.kind === 'start') {
      const parameters = (event.parameters / 1e6).toFixed(2);
      console.error(
        `${event.clips} training clips, ${event.heldOut.length} validation clips; ${parameters} M parameters`,
      );
      if (event.resumedAt > 0) console.error(`resuming after step ${event.resumedAt}`);
      progress = showProgress('train', event.steps);
    } else if (event.kind === 'step') {
      const { step, loss, positiveCosine, negativeCosine, samplesPerSec } = event.entry;
      const cosines = `cosine ${positiveCosine.toFixed(3)} in / ${negativeCosine.toFixed(3)} off`;
      progress?.update(step, `loss ${loss.toFixed(3)} ${cosines} ${samplesPerSec.toFixed(0)} samples/s`);
    } else if (event.kind === 'validation') {
      const { auc, clips } = event.validation;
      progress?.log(`step ${event.step}: AUC ${auc.toFixed(3)} on ${clips} validation clips`);
    } else if (event.kind === 'warning') {
      progress?.log(`warning: ${event.text}`);
    } else {
      report = event.report;
    }
  }
  progress?.stop();
  if (!report) throw new Error('example: the training must end with a report, got none');
  const { validation } = report;
  console.log(
    `validation after ${report.steps} steps: AUC ${validation.auc.toFixed(3)}, balanced accuracy ${validation.accuracy.balanced.toFixed(3)} ` +
      `(single windows, ${validation.clips} clips)`,
  );
  console.log(`weights ${report.weights}\ncurve   ${report.curve}`);
  return report;
}
