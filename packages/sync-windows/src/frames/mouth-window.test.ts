import { readFileSync } from 'node:fs';
import { AUGMENTATION, drawAugmentation } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { madeClip, recipe, similarity, storeRecipe } from '../../../dataloader/src/testing/made-clips';
import type { AugmentationDraw } from '../augmentation-draw';
import { cutMouthWindow } from './mouth-window';

const fixture = JSON.parse(readFileSync(new URL('../../fixtures/windows.json', import.meta.url), 'utf8')) as {
  from: number;
  to: number;
  frameCount: number;
  frames: number[];
  views: {
    name: string;
    fraction: number;
    view: AugmentationDraw['view'];
    colour: Omit<AugmentationDraw['colour'], 'noise'>;
    window: number[];
  }[];
};
const noAudio = { gain: 0, tilt: 0, scale: 1, shift: 0, noise: 0, jitterSteps: 0 };

test.each(fixture.views)(
  'cutMouthWindow samples and colours as PyTorch does: $name',
  ({ fraction, view, colour, window }) => {
    const got = cutMouthWindow(Uint8Array.from(fixture.frames), 0, {
      stored: similarity(1, fixture.from),
      recipe: { frameCount: fixture.frameCount, crop: similarity(fraction, fixture.to), color: 'RGB', range: [-1, 1] },
      augmentation: { view, colour: { ...colour, noise: 0 }, audio: noAudio, noiseStarts: [0, 0, 0] },
    });
    // float32 here, float64 there: largest difference measured 2e-7 of -1..1
    expect(Math.max(...window.map((value, i) => Math.abs(value - got[i])))).toBeLessThan(1e-6);
  },
);

test('without augmentation the centre is what the plain view of PyTorch shows', () => {
  const { fraction, window } = fixture.views[0];
  const got = cutMouthWindow(Uint8Array.from(fixture.frames), 0, {
    stored: similarity(1, fixture.from),
    recipe: { frameCount: fixture.frameCount, crop: similarity(fraction, fixture.to), color: 'RGB', range: [-1, 1] },
  });
  expect(Math.max(...window.map((value, i) => Math.abs(value - got[i])))).toBeLessThan(1e-6);
});

test('channels run through the frames and their colours, in the order and range of the recipe', () => {
  const clip = madeClip('a.mp4.t0.s0', 9, 200); // frame f is all (200, f, 0)
  const rgb = cutMouthWindow(clip.frames, 3, { stored: storeRecipe.crop, recipe });
  expect([...rgb.subarray(0, 15)]).toEqual([200, 3, 0, 200, 4, 0, 200, 5, 0, 200, 6, 0, 200, 7, 0]);
  expect([...rgb.subarray(120, 135)]).toEqual([...rgb.subarray(0, 15)]);
  const bgr = cutMouthWindow(clip.frames, 3, {
    stored: storeRecipe.crop,
    recipe: { ...recipe, color: 'BGR', range: [-1, 1] },
  });
  expect(bgr[0]).toBe(-1);
  expect(bgr[1]).toBeCloseTo(3 / 127.5 - 1, 6);
  expect(bgr[2]).toBeCloseTo(200 / 127.5 - 1, 6);
});

test("a stored crop that is the network's own is copied", () => {
  const clip = madeClip('a.mp4.t0.s0', 6, 7);
  const same = cutMouthWindow(clip.frames, 1, {
    stored: storeRecipe.crop,
    recipe: { ...recipe, crop: similarity(1.9, 6) },
  });
  expect(same.length).toBe(6 * 6 * 15);
  expect([...same.subarray(0, 6)]).toEqual([7, 1, 0, 7, 2, 0]);
});

test('one draw always gives the same window, another draw another, within the range', () => {
  const clip = madeClip('a.mp4.t0.s0', 9, 200);
  const cut = (step: number) => {
    const augmentation = drawAugmentation(AUGMENTATION, new Random(1, step));
    return cutMouthWindow(clip.frames, 0, {
      stored: storeRecipe.crop,
      recipe: { ...recipe, range: [-1, 1] },
      augmentation,
    });
  };
  expect(cut(4)).toEqual(cut(4));
  expect(cut(4)).not.toEqual(cut(5));
  for (let step = 0; step < 30; step++) {
    const window = cut(step);
    expect(Math.min(...window)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...window)).toBeLessThanOrEqual(1);
  }
});

test('cutMouthWindow refuses windows that leave the clip and an out of another length', () => {
  const clip = madeClip('a.mp4.t0.s0', 6);
  const options = { stored: storeRecipe.crop, recipe };
  expect(() => cutMouthWindow(clip.frames, 2, options)).toThrow(
    'cutMouthWindow: startFrame must be 0 to 1 (6 frames, 5 in a window), got 2',
  );
  expect(() => cutMouthWindow(clip.frames, -1, options)).toThrow('got -1');
  expect(() => cutMouthWindow(clip.frames, 0, { ...options, out: new Float32Array(3) })).toThrow(
    'out must be 135 numbers long, got 3',
  );
});
