import { expect, test } from 'vitest';
import { captureOutput } from '../testing/capture-output';
import { helpEnd } from './help-end';
import { runLipsync } from './run-lipsync';

test('helpEnd explains words and shows lines that run', () => {
  expect(helpEnd({ words: ['preset', 'recipe'], examples: ['score a.mp4'] })).toMatch(
    /^\nWords:\n {2}preset {2}a named set .*\n {2}recipe {2}how the input .*\n\nExamples:\n {2}lipsync score a\.mp4$/,
  );
  expect(helpEnd({ examples: ['-v'] })).toBe('\nExamples:\n  lipsync -v');
});

const COMMANDS = [
  ...['score', 'prepare', 'prepare merge', 'report', 'data card', 'train', 'train expert', 'train generator'],
  ...['evaluate expert', 'evaluate generator', 'dub', 'weights inspect', 'weights convert', 'weights fetch', 'export'],
  ...['features', 'accelerate', 'doctor', 'completion', ''],
];

test.each(COMMANDS)(
  'lipsync %s --help has examples, each of which is a command with options that exist',
  async (name) => {
    const output = captureOutput();
    try {
      const words = name.split(' ').filter(Boolean);
      expect(await runLipsync([...words, '--help'])).toBe(0);
      const [help, examples] = output.out.split('\nExamples:\n');
      const lines = (examples ?? '').split('\n').filter((line) => line.startsWith('  lipsync '));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) {
        if (name === '' || !line.startsWith(`  lipsync ${name}`)) continue;
        for (const [flag] of line.matchAll(/(?<= )--[a-z-]+/g)) expect(help, `${flag} in ${line}`).toContain(flag);
      }
      for (const word of ['expert', 'protocol', 'recipe', 'preset'])
        if (new RegExp(`--${word} `).test(help)) expect(help, word).toMatch(new RegExp(`^ {2}${word} +\\S`, 'm'));
    } finally {
      output.restore();
    }
  },
);
