import { buildAccelerator, openAccelerator } from '@lipsync/accelerator-onednn';
import { createCommand, ExitStatus } from '../terminal/command';
import { helpEnd } from '../terminal/help-end';
import { jsonOption } from '../terminal/options';
import { log, printJson } from '../terminal/output';

/** `lipsync accelerate`: exit status 1 where there is no accelerator in the end. */
export function accelerateCommand() {
  return createCommand(
    'accelerate',
    'Builds native kernels for this machine, which make training and scoring several times as fast. Needs a C++ compiler and libdnnl-dev; ' +
      'downloads nothing.',
  )
    .option('--check', 'build nothing; only say whether the kernels are there')
    .option('--compiler <program>', 'C++ compiler (default: the environment variable CXX, or c++)')
    .addOption(jsonOption())
    .addHelpText('after', helpEnd({ examples: ['accelerate', 'accelerate --check'] }))
    .action(async ({ check, compiler, json }) => {
      if (!check) {
        log('compiling; this takes about ten seconds');
        await buildAccelerator({ compiler });
      }
      const opened = openAccelerator();
      const result = opened.kernels
        ? { accelerator: `oneDNN ${opened.version}`, threads: opened.threads }
        : { accelerator: null, reason: opened.reason };
      if (json) printJson(result);
      else if (result.accelerator === null) log(`no accelerator: ${result.reason}`);
      else
        log(
          `accelerator: ${result.accelerator}, ${result.threads} threads; all lipsync commands use it (LIPSYNC_ACCELERATOR=0 turns it off)`,
        );
      if (!opened.kernels) throw new ExitStatus(1);
    });
}
