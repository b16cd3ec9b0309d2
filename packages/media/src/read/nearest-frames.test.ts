import { expect, test } from 'vitest';
import { nearestFrames } from './nearest-frames';

/** Frames with these times in milliseconds, numbered by their bytes. */
async function* source(times: number[]) {
  for (const [index, ms] of times.entries()) yield { data: Uint8Array.of(index), time: ms * 1000 };
}

async function shown(times: number[], { fps = 25, from = 0, endAsFiltered = false } = {}): Promise<number[]> {
  const numbers: number[] = [];
  let index = from;
  for await (const frame of nearestFrames(source(times), { fps, from, endAsFiltered })) {
    expect(frame.index).toBe(index++);
    numbers.push(frame.data[0]);
  }
  return numbers;
}

test('nearestFrames shows each frame once where the rates are the same', async () => {
  expect(await shown([0, 40, 80, 120])).toEqual([0, 1, 2, 3]);
  expect(await shown([0, 40, 80, 120], { from: 2 })).toEqual([2, 3]);
});

test('nearestFrames takes the nearest frame at another rate, the last one until its time is over', async () => {
  expect(await shown([0, 20, 40, 60, 80, 100])).toEqual([0, 2, 4]);
  expect(await shown([0, 100, 200])).toEqual([0, 0, 1, 1, 2, 2, 2, 2]);
  expect(await shown([0, 33.333, 66.667, 100, 133.333, 166.667])).toEqual([0, 1, 2, 4, 5]);
});

test('nearestFrames shows a frame after a long gap 50 ms early', async () => {
  expect(await shown([0, 40, 1000, 1040])).toEqual([0, ...Array(23).fill(1), 2, 2, 3]);
});

test('nearestFrames places a frame without a time after the one before it, and lets one that runs backwards replace it', async () => {
  expect(await shown([0, 40, Number.NaN, 120])).toEqual([0, 1, 2, 3]);
  expect(await shown([0, 40, 20, 80])).toEqual([0, 2, 3]);
});

test('nearestFrames gives new arrays where a frame stands for several', async () => {
  const arrays = new Set<Uint8Array>();
  for await (const { data } of nearestFrames(source([0, 200]), { fps: 25, from: 0 })) arrays.add(data);
  expect(arrays.size).toBe(8);
});

// Counted with ffmpeg 4.1 and `frameFilter`: files of so many frames at these rates.
test.each([
  [5, 4, 19],
  [10, 3, 7],
  [12, 7, 14],
  [15, 11, 18],
  [24, 20, 21],
  [29.97003, 22, 18],
  [29.97003, 23, 19],
  [30, 25, 21],
  [50, 21, 11],
  [60, 31, 13],
  [60, 32, 14],
])(
  'nearestFrames ends, where that is asked for, as the filter of ffmpeg: %d fps, %d frames',
  async (fps, count, shownCount) => {
    const times = Array.from({ length: count }, (_, index) => (1000 * index) / fps);
    expect(await shown(times, { endAsFiltered: true })).toHaveLength(shownCount);
  },
);
