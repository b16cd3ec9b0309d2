import { expect, test } from 'vitest';
import { FrameGrid } from './frame-grid';

/** What the grid shows, of frames that are called by their times. */
function shown(times: readonly number[], longestGapSec = 0.4): [number, number][] {
  const grid = new FrameGrid<number>({ fps: 25, longestGapSec });
  const frames = [...times.flatMap((time) => grid.push(time, time)), ...grid.end()];
  return frames.map(({ index, image }) => [index, image]);
}

test('FrameGrid gives frames at its own rate as they are', () => {
  const times = Array.from({ length: 50 }, (_, k) => k / 25);
  expect(shown(times)).toEqual(times.map((time, k) => [k, time]));
});

test('FrameGrid shows the nearest frame of another rate, and each index once', () => {
  for (const fps of [30, 60, 24, 15]) {
    const times = Array.from({ length: 4 * fps }, (_, k) => k / fps);
    const got = shown(times);
    expect(got.map(([index]) => index)).toEqual(Array.from(got, (_, k) => k));
    expect(got.length).toBeGreaterThanOrEqual(98);
    for (const [index, time] of got.slice(0, -3)) {
      const least = Math.min(...times.map((one) => Math.abs(one - index / 25)));
      expect(Math.abs(time - index / 25)).toBeLessThan(least + 1e-3);
    }
  }
});

test('FrameGrid bridges a short gap, begins anew after a long one, and shows no index twice after a jump back', () => {
  expect(shown([0, 0.04, 0.2]).map(([index]) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(shown([0, 0.04, 2, 2.04]).map(([index]) => index)).toEqual([0, 1, 50, 51]);
  expect(shown([10, 10.04, 0, 0.04]).map(([index]) => index)).toEqual([250, 251]);
  expect(shown([1, 1.04, 0, 0.4, 0.8, 1.2]).map(([index]) => index)).toEqual([25, 26, 27, 28, 29, 30, 31, 32]);
});

test('FrameGrid replaces a frame whose time runs backwards a little', () => {
  expect(shown([0, 0.04, 0.039, 0.08])).toEqual([
    [0, 0],
    [1, 0.039],
    [2, 0.08],
  ]);
});
