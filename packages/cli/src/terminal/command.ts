import { parseArgs } from 'node:util';

/** One option of a command: how it is written, what it means, what holds for its value. */
export type OptionSpec =
  | { kind: 'flag'; help: string }
  | { kind: 'text'; value: string; help: string; default?: string }
  | { kind: 'choice'; choices: readonly string[]; help: string; default?: string }
  | { kind: 'whole' | 'number'; value: string; help: string; min: number; default?: number };

export type CommandSpec = {
  name: string;
  /** What follows the name, as in `IN OUT`. */
  positionals: string;
  summary: string;
  options: Record<string, OptionSpec>;
};

export type ParsedCommand = { positionals: string[]; values: Record<string, string | number | boolean | undefined> };

/** A mistake in the words of a command, shown without a stack. */
export class UsageError extends Error {}

/**
 * Reads the words after a command's name by its spec; numbers and choices are checked here, once.
 *
 * @throws UsageError that names the option, the rule and what came.
 */
export function parseCommand(spec: CommandSpec, words: string[]): ParsedCommand {
  // pnpm hands a literal `--` on, npm removes it: accept both.
  const args = words[0] === '--' ? words.slice(1) : words;
  const options = Object.fromEntries(
    Object.entries(spec.options).map(([name, option]) => [
      name,
      { type: option.kind === 'flag' ? 'boolean' : 'string' } as const,
    ]),
  );
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`lipsync ${spec.name}: ${(error as Error).message}`);
  }
  const values: ParsedCommand['values'] = {};
  for (const [name, option] of Object.entries(spec.options)) {
    values[name] = readValue(
      `lipsync ${spec.name}: --${name}`,
      option,
      parsed.values[name] as string | boolean | undefined,
    );
  }
  return { positionals: parsed.positionals, values };
}

function readValue(where: string, option: OptionSpec, given: string | boolean | undefined) {
  if (option.kind === 'flag') return given === true;
  if (given === undefined) return option.default;
  const text = String(given);
  if (option.kind === 'text') return text;
  if (option.kind === 'choice') {
    if (!option.choices.includes(text))
      throw new UsageError(`${where} must be ${option.choices.join(' or ')}, got ${text}`);
    return text;
  }
  const number = text.trim() === '' ? Number.NaN : Number(text);
  const ok = number >= option.min && Number.isFinite(number) && (option.kind === 'number' || Number.isInteger(number));
  if (!ok) {
    const what = option.kind === 'whole' ? 'a whole number' : 'a number';
    throw new UsageError(`${where} must be ${what} of at least ${option.min}, got ${text}`);
  }
  return number;
}

/** The help text of a command. */
export function commandHelp(spec: CommandSpec): string {
  const rows = Object.entries(spec.options).map(([name, option]): [string, string] => {
    const value =
      option.kind === 'flag' ? '' : option.kind === 'choice' ? ` ${option.choices.join('|')}` : ` ${option.value}`;
    const fallback = 'default' in option && option.default !== undefined ? ` (default ${option.default})` : '';
    return [`  --${name}${value}`, `${option.help}${fallback}`];
  });
  const lines = rows.map(([left, right]) =>
    left.length > 28 ? `${left}\n${' '.repeat(30)}${right}` : `${left.padEnd(30)}${right}`,
  );
  return [`lipsync ${spec.name} ${spec.positionals}`, '', spec.summary, '', ...lines, ''].join('\n');
}
