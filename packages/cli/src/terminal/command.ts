import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';

/** A usage error: shown as one line without a stack, with exit status 2. */
export class UsageError extends Error {}

/** Thrown by a command that has printed everything and ends with another exit status than 0. */
export class ExitStatus extends Error {
  constructor(readonly status: number) {
    super(`exit status ${status}`);
  }
}

/** A command without options or subcommands yet. Usage errors carry its full name; nothing ends the process. */
export function createCommand(name: string, summary: string) {
  const made: Command = new Command(name)
    .description(summary)
    .exitOverride()
    .enablePositionalOptions() // options belong to the command that they follow
    .configureHelp({ helpWidth: 110 })
    .configureOutput({
      outputError: (text, write) => {
        const hint = `  (${fullName(made)} --help shows the options)\n`;
        write(`${fullName(made)}: ${text.replace(/^error: /, '')}${hint}`);
      },
    });
  return made;
}

/** A command under its former name: it says the new one and ends as a usage error does. */
export function renamedCommand(name: string, now: string) {
  return createCommand(name, `Renamed: ${now}`)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new UsageError(`this command is now ${now}`);
    });
}

/** The words that call a command, such as `lipsync weights inspect`. */
export function fullName(command: { name(): string; parent: { name(): string; parent: unknown } | null }): string {
  const words: string[] = [];
  for (let at: typeof command | null = command; at; at = at.parent as typeof command | null) words.unshift(at.name());
  return words.join(' ');
}

/** The values that a command's options have, as its action receives them. */
export type OptionsOf<C extends { opts(): unknown }> = ReturnType<C['opts']>;

/** An option whose value is a whole number of at least `min` (default 0). */
export function wholeNumber<const Flags extends string>(flags: Flags, help: string, min = 0) {
  return new Option(flags, help).argParser((text) => {
    const value = readNumber(text);
    if (!(Number.isInteger(value) && value >= min))
      throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`);
    return value;
  });
}

/** An option whose value is a number of at least 0. */
export function decimal<const Flags extends string>(flags: Flags, help: string) {
  return new Option(flags, help).argParser((text) => {
    const value = readNumber(text);
    if (!(Number.isFinite(value) && value >= 0)) throw new InvalidArgumentError('It must be a number of at least 0.');
    return value;
  });
}

/** An option whose value is one of a list. */
export function choice<const Flags extends string, const Choice extends string>(
  flags: Flags,
  help: string,
  choices: readonly Choice[],
) {
  return new Option(flags, help).choices(choices);
}

/** The keys of a record as its type has them. */
export function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] {
  return Object.keys(record) as Key[];
}

const readNumber = (text: string) => (text.trim() === '' ? Number.NaN : Number(text));
