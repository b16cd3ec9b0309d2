import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';
import { choice, createCommand, decimal, fullName, keysOf, wholeNumber } from './command';

let output: CapturedOutput;
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => output.restore());

const train = () =>
  createCommand('train', 'Trains.')
    .argument('<clips>')
    .addOption(wholeNumber('--steps <n>', 'steps in all', 1).default(900))
    .addOption(decimal('--learning-rate <x>', 'learning rate'))
    .addOption(choice('--preset <name>', 'what is trained', ['contrast', 'thesis']).default('contrast' as const))
    .option('--out <dir>', 'where to')
    .option('--json', 'print JSON');

test('a command gives typed values and the defaults', () => {
  const command = train().parse(['clips', '--learning-rate', '1e-3', '--json'], { from: 'user' });
  const { steps, learningRate, preset }: { steps: number; learningRate?: number; preset: 'contrast' | 'thesis' } =
    command.opts();
  expect([steps, learningRate, preset]).toEqual([900, 0.001, 'contrast']);
  expect(command.opts()).toEqual({ steps: 900, learningRate: 0.001, preset: 'contrast', json: true });
  expect(command.args).toEqual(['clips']);
});

test.each([
  [['--steps', '0'], "train: option '--steps <n>' argument '0' is invalid. It must be a whole number of at least 1."],
  [['--steps', '1.5'], 'It must be a whole number of at least 1.'],
  [['--steps', ' '], 'It must be a whole number of at least 1.'],
  [['--learning-rate', 'fast'], "argument 'fast' is invalid. It must be a number of at least 0."],
  [['--preset', 'x'], 'Allowed choices are contrast, thesis.'],
  [['--what'], "train: unknown option '--what'"],
  [['--step', '1'], 'Did you mean --steps?'],
  [['another'], 'too many arguments'],
])('a command refuses %j and says where the options are listed', (words, message) => {
  expect(() => train().parse(['clips', ...words], { from: 'user' })).toThrow();
  expect(output.err).toContain(message);
  expect(output.err).toContain('(train --help shows the options)');
});

test('the help of a command shows every option with its default', () => {
  const help = train().helpInformation();
  expect(help).toContain('--steps <n>');
  expect(help).toContain('steps in all (default: 900)');
  expect(help).toMatch(/--preset <name>\s+what is trained \(choices: "contrast", "thesis", default: "contrast"\)/);
});

test('fullName names the commands above', () => {
  const inner = createCommand('inner', '');
  createCommand('lipsync', '').addCommand(createCommand('outer', '').addCommand(inner));
  expect(fullName(inner)).toBe('lipsync outer inner');
});

test('keysOf keeps the order', () => {
  expect(keysOf({ b: 1, a: 2 })).toEqual(['b', 'a']);
});
