import { expect, test } from 'vitest';
import { madePoses } from '../testing/made-faces';
import { readFixture, relativeDifference } from '../testing/torch-numbers';
import { type HeadMotionOptions, headMotion } from './head-motion';

type Case = { width: number; options: HeadMotionOptions; values: number[] };

test.each(readFixture<{ heads: Case[] }>('geometry').heads)(
  'headMotion smooths and moves $width values a frame as SciPy does',
  ({ width, options, values }) => {
    expect(relativeDifference(headMotion(madePoses('poses', 20, width, 20), options), values)).toBeLessThan(1e-6);
  },
);

test('headMotion refuses poses of another size', () => {
  expect(() => headMotion(madePoses('poses', 5, 7, 1))).toThrow(
    'headMotion: poses must be 6 or 12 values a frame, got 7',
  );
});
