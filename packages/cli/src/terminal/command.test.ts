import { expect, test } from 'vitest';
import { type CommandSpec, commandHelp, parseCommand, UsageError } from './command';

const spec: CommandSpec = {
  name: 'train',
  positionals: 'STORE',
  summary: 'Trains.',
  options: {
    steps: { kind: 'whole', value: 'N', min: 1, help: 'steps in all', default: 900 },
    rate: { kind: 'number', value: 'X', min: 0, help: 'learning rate' },
    preset: { kind: 'choice', choices: ['contrast', 'thesis'], help: 'what is learned', default: 'contrast' },
    out: { kind: 'text', value: 'DIR', help: 'where to' },
    json: { kind: 'flag', help: 'for machines' },
  },
};

test('parseCommand gives typed values and the defaults', () => {
  expect(parseCommand(spec, ['store', '--rate', '1e-3', '--json'])).toEqual({
    positionals: ['store'],
    values: { steps: 900, rate: 0.001, preset: 'contrast', out: undefined, json: true },
  });
});

test('parseCommand accepts the literal -- that pnpm hands on', () => {
  expect(parseCommand(spec, ['--', '--out', 'x']).values.out).toBe('x');
});

test.each([
  [['--steps', '0'], 'lipsync train: --steps must be a whole number of at least 1, got 0'],
  [['--steps', '1.5'], '--steps must be a whole number'],
  [['--rate', 'fast'], '--rate must be a number of at least 0, got fast'],
  [['--preset', 'x'], '--preset must be contrast or thesis, got x'],
  [['--what'], "Unknown option '--what'"],
])('parseCommand refuses %j', (words, message) => {
  expect(() => parseCommand(spec, words)).toThrow(UsageError);
  expect(() => parseCommand(spec, words)).toThrow(message);
});

test('commandHelp shows every option with its default', () => {
  const help = commandHelp(spec);
  for (const name of Object.keys(spec.options)) expect(help).toContain(`--${name}`);
  expect(help).toContain('steps in all (default 900)');
  expect(help).toContain('--preset contrast|thesis');
});
