import { expect, test } from 'vitest';
import { madeFaces, madePoses } from '../testing/made-faces';
import { readFixture } from '../testing/torch-numbers';
import { chooseCandidates } from './choose-candidates';

type Case = { rank: number | null; rotations: number; frames: number[] };
const { candidates, wideHigh } = readFixture<{ candidates: Case[]; wideHigh: [number[], number[]] }>('geometry');

/** Faces whose outer lips are noisy loops of many sizes. */
function faces() {
  const made = madeFaces('candidate faces', 60);
  for (let frame = 0; frame < 60; frame++) {
    for (let i = 0; i < 12; i++) {
      const [at, angle] = [frame * 219 + 3 * (46 + i), (i / 12) * 2 * Math.PI];
      made.data[at] += -4 * (2 + wideHigh[0][frame]) * Math.cos(angle);
      made.data[at + 1] += 4 * (1 + wideHigh[1][frame]) * Math.sin(angle);
    }
  }
  return made;
}

test.each(candidates)(
  'chooseCandidates takes $frames, as OpenCV’s areas and NumPy do',
  ({ rank, rotations, frames }) => {
    const poses = madePoses('candidate poses', 60, 6, 25);
    expect(chooseCandidates(faces(), poses, { rank: rank ?? undefined, rotations })).toEqual(frames);
  },
);

test.each<[string, () => unknown]>([
  ['options.rank must be from 1 to 60', () => chooseCandidates(faces(), madePoses('a', 60, 6, 1), { rank: 61 })],
  ['options.rotations must be', () => chooseCandidates(faces(), madePoses('a', 60, 6, 1), { rotations: -1 })],
  ['poses must be [60, 6], got [59, 6]', () => chooseCandidates(faces(), madePoses('a', 59, 6, 1))],
])('chooseCandidates: %s', (message, run) => {
  expect(run).toThrow(`chooseCandidates: ${message}`);
});
