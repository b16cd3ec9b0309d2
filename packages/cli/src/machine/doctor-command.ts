import { createCommand, ExitStatus } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { jsonOption } from '../terminal/options';
import { printJson } from '../terminal/output';
import { type DoctorCheck, runChecks } from './doctor-checks';

/** `lipsync doctor`: exit status 1 where videos cannot be scored here. */
export function doctorCommand() {
  return createCommand(
    'doctor',
    'Looks at what this machine has for lipsync: Node, ffmpeg, weights, backend, processors, accelerator, GPU, onnxruntime, room for ' +
      'temporary files; and says what to do about each. Changes and downloads nothing.',
  )
    .addOption(jsonOption())
    .addHelpText('after', helpEnd({ examples: ['doctor', 'doctor --json'] }))
    .action(async ({ json }) => {
      const checks = await runChecks();
      const scoring = canScore(checks);
      if (json) printJson({ scoring, checks });
      else process.stdout.write(`${describeChecks(checks)}\n`);
      if (!scoring) throw new ExitStatus(1);
    });
}

/** Whether videos can be scored. */
export const canScore = (checks: readonly DoctorCheck[]) => checks.every(({ state }) => state !== 'fault');

/** One line for each check, what to do below it, and a last line that says what comes of it. */
export function describeChecks(checks: readonly DoctorCheck[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, found, advice }) => [
    `${state.padEnd(5)}  ${name.padEnd(width)}  ${found}`,
    ...(advice === undefined ? [] : [`${' '.repeat(width + 9)}-> ${advice}`]),
  ]);
  const faults = checks.filter(({ state }) => state === 'fault').map(({ name }) => name);
  const end = faults.length === 0 ? 'videos can be scored here' : `videos cannot be scored here: ${faults.join(', ')}`;
  return [...lines, end].join('\n');
}
