import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** An option as completion needs it. */
type CompletedOption = {
  flags: string[];
  summary: string;
  /** Whether a word follows it. */
  takesValue: boolean;
  /** What that word may be; any, such as a file, where there are none. */
  choices: readonly string[];
};

/** A command by the words that call it, such as `lipsync weights fetch`. */
export type CompletedCommand = {
  words: string;
  subcommands: { name: string; summary: string }[];
  options: CompletedOption[];
};

/** A command and all below it; hidden ones are left out. */
export function commandTree(command: CommandUnknownOpts, above = ''): CompletedCommand[] {
  const words = above === '' ? command.name() : `${above} ${command.name()}`;
  const shown = command.createHelp();
  const below = shown.visibleCommands(command).filter((one) => command.commands.includes(one));
  const own = shown.visibleOptions(command);
  // `train CLIPS` is short for `train expert CLIPS`.
  const { _defaultCommandName: byDefault } = command as unknown as { _defaultCommandName?: string | null };
  const standIn = below.find((one) => one.name() === byDefault);
  const options = standIn ? [...shown.visibleOptions(standIn), ...own] : own;
  const entry = {
    words,
    subcommands: below.map((one) => ({ name: one.name(), summary: firstSentence(one.description()) })),
    options: [...new Map(options.map((option) => [option.long, option])).values()].map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined),
      summary: firstSentence(option.description),
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? [],
    })),
  };
  return [entry, ...below.flatMap((one) => commandTree(one, words))];
}

/** Short enough for a menu. */
const firstSentence = (text: string) => text.split(/[.;:(]/)[0].trim();
