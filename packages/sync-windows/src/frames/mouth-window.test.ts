import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AugmentationDraw } from '../augment/augmentation-draw';
import { madeFrames, plainDraw, recipe, similarity, storedCrop, variedDraw } from '../testing/made-windows';
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

test.each(fixture.views)(
  'cutMouthWindow samples and colours as PyTorch does: $name',
  ({ fraction, view, colour, window }) => {
    const got = cutMouthWindow(Uint8Array.from(fixture.frames), 0, {
      stored: similarity(1, fixture.from),
      recipe: { frameCount: fixture.frameCount, crop: similarity(fraction, fixture.to), color: 'RGB', range: [-1, 1] },
      augmentation: { ...plainDraw, view, colour: { ...colour, noise: 0 } },
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
  // measured 1.3e-7, for the same reason
  expect(Math.max(...window.map((value, i) => Math.abs(value - got[i])))).toBeLessThan(1e-6);
});

test('channels run through the frames and their colours, in the order and range of the recipe', () => {
  const frames = madeFrames(9, 200); // frame f is all (200, f, 0)
  const rgb = cutMouthWindow(frames, 3, { stored: storedCrop, recipe });
  expect([...rgb.subarray(0, 15)]).toEqual([200, 3, 0, 200, 4, 0, 200, 5, 0, 200, 6, 0, 200, 7, 0]);
  expect([...rgb.subarray(120, 135)]).toEqual([...rgb.subarray(0, 15)]);
  const bgr = cutMouthWindow(frames, 3, {
    stored: storedCrop,
    recipe: { ...recipe, color: 'BGR', range: [-1, 1] },
  });
  expect(bgr[0]).toBe(-1);
  expect(bgr[1]).toBeCloseTo(3 / 127.5 - 1, 7); // measured 1.4e-9
  expect(bgr[2]).toBeCloseTo(200 / 127.5 - 1, 6); // measured 2.6e-8: a float32 step at 0.6 is 6e-8
});

test("a stored crop that is the network's own is copied", () => {
  const frames = madeFrames(6, 7);
  const same = cutMouthWindow(frames, 1, {
    stored: storedCrop,
    recipe: { ...recipe, crop: similarity(1.9, 6) },
  });
  expect(same.length).toBe(6 * 6 * 15);
  expect([...same.subarray(0, 6)]).toEqual([7, 1, 0, 7, 2, 0]);
});

test('one draw always gives the same window, another draw another, within the range', () => {
  const frames = madeFrames(9, 200);
  const cut = (step: number) => {
    return cutMouthWindow(frames, 0, {
      stored: storedCrop,
      recipe: { ...recipe, range: [-1, 1] },
      augmentation: variedDraw(step),
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
  const frames = madeFrames(6);
  const options = { stored: storedCrop, recipe };
  expect(() => cutMouthWindow(frames, 2, options)).toThrow(
    'cutMouthWindow: startFrame must be 0 to 1 (6 frames, 5 in a window), got 2',
  );
  expect(() => cutMouthWindow(frames, -1, options)).toThrow('got -1');
  expect(() => cutMouthWindow(frames, 0, { ...options, out: new Float32Array(3) })).toThrow(
    'out must be 135 values long, got 3',
  );
});
