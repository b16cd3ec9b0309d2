import { SPEECH_LOUDNESS } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { audioProblems } from './audio-problems';

const level = (speechDb: number | undefined, clippedShare = 0) => ({
  samples: 16000,
  sampleRate: 16000,
  peak: 0.5,
  clippedShare,
  ...(speechDb === undefined ? {} : { speechDb }),
});

test.each([
  [-14, 'none', []],
  [-31, 'none', []], // the quietest of ordinary recordings
  [-45, 'none', ['audio is quiet: speech at -45 dB of full scale, and this network takes it as it is']],
  [-45, SPEECH_LOUDNESS, []],
  [-70, SPEECH_LOUDNESS, ['audio is almost silent: speech at -70 dB of full scale']],
  [-70, 'none', ['audio is almost silent']],
  [undefined, 'none', ['audio is almost silent: speech below -85 dB']],
] as const)('speech at %s dB under the rule %j: %j', (speechDb, loudness, wanted) => {
  const problems = audioProblems(level(speechDb), { loudness });
  expect(problems).toHaveLength(wanted.length);
  for (const [i, text] of wanted.entries()) expect(problems[i]).toContain(text);
});

test('clipped audio is named with its share', () => {
  expect(audioProblems(level(-8, 0.05), {})).toEqual(['audio is clipped: 5.0 % of the samples are at full scale']);
  expect(audioProblems(level(-8, 0.027), {})).toEqual([]); // the most in 66 recordings
});
