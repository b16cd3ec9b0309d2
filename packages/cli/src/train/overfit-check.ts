import { type OverfitExpertOptions, overfitExpert } from '@lipsync/train';
import { ExitStatus } from '../terminal/command';
import { log, printJson } from '../terminal/output';
import { createProgress, formatSeconds } from '../terminal/progress';

/**
 * Trains on one batch and says whether its loss falls.
 *
 * @throws ExitStatus 1 where it does not.
 */
export async function checkOverfit(options: OverfitExpertOptions & { json?: boolean }): Promise<void> {
  const { overfitSteps: total = 60 } = options;
  const progress = createProgress({ label: 'overfit', total });
  const started = Date.now();
  const onStep = (step: number, loss: number) => progress.update(step, `loss ${loss.toFixed(3)}`);
  const report = await overfitExpert({ ...options, overfitSteps: total, onStep }).finally(() => progress.stop());
  const { steps, batch, first, last, falls } = report;
  log(`${steps} steps on one batch of ${batch} windows in ${formatSeconds((Date.now() - started) / 1000)}`);
  if (options.json) printJson(report);
  else process.stdout.write(`${describeOverfit(first, last, falls)}\n`);
  if (!falls) throw new ExitStatus(1);
}

/** The result in a sentence. */
function describeOverfit(first: number, last: number, falls: boolean): string {
  const change = `from ${first.toFixed(3)} to ${last.toFixed(3)}`;
  return falls
    ? `the loss of one batch falls ${change}: data, network and loss work together`
    : `the loss of one batch must fall to half, it went ${change}: see that frames and audio of the clips belong together (lipsync report CLIPS --expert pretrained), or give more --steps`;
}
