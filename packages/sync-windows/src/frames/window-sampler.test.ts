import { expect, test } from 'vitest';
import { madeFrames, recipe, STORED_SIZE, storedCrop } from '../testing/made-windows';
import { cutMouthWindow } from './mouth-window';
import { WindowSampler } from './window-sampler';

const bytes = STORED_SIZE * STORED_SIZE * 3;

test('windows of crops one by one are those of the whole clip, bit for bit', () => {
  const frames = madeFrames(12).map((value, i) => (value + 31 * i) & 255);
  const sampler = new WindowSampler(storedCrop, { ...recipe, range: [-1, 1], color: 'BGR' });
  for (let f = 0; f < 12; f++) {
    const window = sampler.push(frames.subarray(f * bytes, (f + 1) * bytes));
    if (f < recipe.frameCount - 1) expect(window).toBeUndefined();
    else {
      const options = { stored: storedCrop, recipe: { ...recipe, range: [-1, 1], color: 'BGR' } as const };
      expect(window).toEqual(cutMouthWindow(frames, f - recipe.frameCount + 1, options));
    }
  }
});

test('crops that are the recipe’s own are not resampled', () => {
  const sampler = new WindowSampler('recipe', { ...recipe, frameCount: 2 });
  const crop = (f: number) => Uint8Array.from({ length: 27 }, (_, i) => 27 * f + i);
  expect(sampler.push(crop(0))).toBeUndefined();
  const window = sampler.push(crop(1))!;
  expect([...window.subarray(0, 12)]).toEqual([0, 1, 2, 27, 28, 29, 3, 4, 5, 30, 31, 32]);
});
