/** Words of the help that an engineer need not know, each explained where a command first uses it. */
const WORDS = {
  expert: 'a sync network: it says how well frames of a mouth and a stretch of audio belong together',
  protocol: 'a way of scoring as a publication defines it: crop, windows, offsets that are tried, mean',
  recipe: 'how the input of a network is prepared: frame rate, crop, frames in a window, audio features',
  preset: 'a named set of settings; options that are given count before it',
  clips: 'stretches of one face with its audio, as lipsync prepare stores them',
} as const;

type HelpEnd = {
  /** Words that the help of the command uses. */
  words?: readonly (keyof typeof WORDS)[];
  /** Lines that run, without the leading `lipsync`. */
  examples: readonly string[];
};

/** The end of a command's help: words that it uses, and examples. */
export function helpEnd({ words = [], examples }: HelpEnd): string {
  const width = Math.max(...words.map((word) => word.length));
  const explained = words.map((word) => `  ${word.padEnd(width)}  ${WORDS[word]}`);
  return [
    ...(words.length > 0 ? ['', 'Words:', ...explained] : []),
    ...['', 'Examples:', ...examples.map((line) => `  lipsync ${line}`)],
  ].join('\n');
}
