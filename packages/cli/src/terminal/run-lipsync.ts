import { CommanderError } from '@commander-js/extra-typings';
import { version } from '../../package.json';
import { dubCommand } from '../dub/dub-command';
import { portraitCommand } from '../dub/portrait/prepare-portrait-command';
import { sketchCommand } from '../dub/portrait/sketch-command';
import { evaluateCommand } from '../evaluate/evaluate-command';
import { accelerateCommand } from '../machine/accelerate-command';
import { doctorCommand } from '../machine/doctor-command';
import { featuresCommand } from '../prepare/features-command';
import { prepareCommand } from '../prepare/prepare-command';
import { dataCommand } from '../report/data-command';
import { reportCommand } from '../report/report-command';
import { scoreCommand } from '../score/score-command';
import { studyCommand } from '../train/study/study-command';
import { trainCommand } from '../train/train-command';
import { exportCommand } from '../weights/export-command';
import { weightsCommand } from '../weights/weights-command';
import { createCommand, ExitStatus, fullName, renamedCommand } from './command';
import { completionCommand } from './completion/completion-command';
import { helpEnd } from './help-end';
import { mediaSentence } from './media-options';
import { asUsageError } from './usage-of';

/** Commands that were renamed: they name the new one and end with exit status 2. */
const FORMER: Readonly<Record<string, string>> = { 'train-dinet': 'lipsync train generator' };

/**
 * The command `lipsync`.
 *
 * @param words what follows the program's name on the command line.
 * @returns the exit status: 0; 1 if something failed or a file has no score; 2 for a usage error; 3 where a score is
 *   beyond the limits; 130 after Ctrl-C.
 * @example
 * process.exitCode = await runLipsync(['score', '--weights', 'expert.safetensors', 'talk.mp4']);
 */
export async function runLipsync(words: readonly string[]): Promise<number> {
  const running: { name: string; flags: string[] } = { name: 'lipsync', flags: [] };
  const program = lipsyncCommand();
  program.hook('preAction', (_, command) => {
    running.name = fullName(command);
    running.flags = command.options.flatMap(({ long }) => (long ? [long] : []));
  });
  try {
    await program.parseAsync(withoutDashes(words), { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof ExitStatus) return error.status;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has printed its message
    const usage = asUsageError(error, running.flags);
    const failed = error as Error;
    const media = mediaSentence(error);
    if (media !== undefined) {
      process.stderr.write(`${running.name}: ${media}\n`);
      return 1;
    }
    process.stderr.write(
      usage ? `${running.name}: ${usage.message}\n` : `${process.env.DEBUG ? failed.stack : failed.message}\n`,
    );
    return usage ? 2 : 1;
  }
}

function lipsyncCommand() {
  const program = createCommand(
    'lipsync',
    'Audio-visual lip sync: prepare data, train, score and evaluate sync networks, dub videos.',
  )
    .version(version, '-v, --version', 'print the version of @lipsync/cli')
    .helpOption('-h, --help', 'print this help')
    .commandsGroup('Commands:')
    .addCommand(scoreCommand())
    .addCommand(prepareCommand())
    .addCommand(reportCommand())
    .addCommand(dataCommand())
    .addCommand(trainCommand())
    .addCommand(studyCommand())
    .addCommand(evaluateCommand())
    .addCommand(dubCommand())
    .addCommand(sketchCommand())
    .addCommand(portraitCommand())
    .addCommand(weightsCommand())
    .addCommand(exportCommand())
    .addCommand(featuresCommand())
    .addCommand(accelerateCommand())
    .addCommand(doctorCommand())
    .addHelpText('after', '\nlipsync COMMAND --help shows the options of a command.')
    .addHelpText(
      'after',
      helpEnd({
        words: ['expert', 'clips'],
        examples: ['score talk.mp4', 'prepare videos clips', 'report clips', 'train clips --out run', 'doctor'],
      }),
    );
  program.addCommand(completionCommand(program));
  for (const [name, now] of Object.entries(FORMER)) program.addCommand(renamedCommand(name, now), { hidden: true });
  return program;
}

/** pnpm passes on a literal `--` before the words of a script, npm removes it: both run. */
function withoutDashes(words: readonly string[]): string[] {
  const at = words.findIndex((word) => word.startsWith('-'));
  return words[at] === '--' && at <= 2 ? [...words.slice(0, at), ...words.slice(at + 1)] : [...words];
}
