import { ACCELERATE, runAccelerate } from './accelerate/accelerate-command';
import { DUB, runDub } from './dub/dub-command';
import { EVALUATE, runEvaluate } from './evaluate/evaluate-command';
import { FEATURES, runFeatures } from './features/features-command';
import { PREPARE, runPrepare } from './prepare/prepare-command';
import { DATA, runData } from './report/data-command';
import { REPORT, runReport } from './report/data-report-command';
import { runScore, SCORE } from './score/score-command';
import { type CommandSpec, commandHelp, type ParsedCommand, parseCommand, UsageError } from './terminal/command';
import { runTrain, TRAIN } from './train/train-command';
import { runTrainDinet, TRAIN_DINET } from './train/train-generator-command';
import { EXPORT, runExport } from './weights/export-command';
import { runWeights, WEIGHTS } from './weights/weights-command';

const COMMANDS: { spec: CommandSpec; run: (parsed: ParsedCommand) => Promise<number | void> }[] = [
  { spec: PREPARE, run: runPrepare },
  { spec: REPORT, run: runReport },
  { spec: DATA, run: runData },
  { spec: TRAIN, run: runTrain },
  { spec: TRAIN_DINET, run: runTrainDinet },
  { spec: SCORE, run: runScore },
  { spec: EVALUATE, run: runEvaluate },
  { spec: DUB, run: runDub },
  { spec: WEIGHTS, run: runWeights },
  { spec: EXPORT, run: runExport },
  { spec: FEATURES, run: runFeatures },
  { spec: ACCELERATE, run: runAccelerate },
];

const HELP = [
  'lipsync: audio-visual lip sync, measured and learned',
  '',
  ...COMMANDS.map(({ spec }) => `  lipsync ${`${spec.name} ${spec.positionals}`.padEnd(38)} ${spec.summary}`),
  '',
  'lipsync COMMAND --help shows the options.',
  '',
].join('\n');

/**
 * The command `lipsync`.
 *
 * @param words What follows the program's name.
 * @returns the exit status: 0, 1 where something went wrong, 2 for a mistake in the words.
 */
export async function runLipsync(words: string[]): Promise<number> {
  const [name, ...rest] = words[0] === '--' ? words.slice(1) : words;
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find(({ spec }) => spec.name === name);
  if (!command) {
    process.stderr.write(`lipsync: command must be ${COMMANDS.map(({ spec }) => spec.name).join(', ')}, got ${name}\n`);
    return 2;
  }
  if (rest.includes('--help')) {
    process.stdout.write(commandHelp(command.spec));
    return 0;
  }
  try {
    return (await command.run(parseCommand(command.spec, rest))) ?? 0;
  } catch (error) {
    process.stderr.write(
      `${error instanceof UsageError || !process.env.DEBUG ? (error as Error).message : (error as Error).stack}\n`,
    );
    return error instanceof UsageError ? 2 : 1;
  }
}
