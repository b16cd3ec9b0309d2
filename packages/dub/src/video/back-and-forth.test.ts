import type { VideoFrame } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { backAndForth } from './back-and-forth';

/** A video whose pixels are the frame's number; records where reading began and how many frames were decoded. */
function video(frameCount: number, { seeks = true, late = 0, side = 4 } = {}) {
  const entered: number[] = [];
  const made = { count: 0, running: 0 };
  const read = (first: number) => ({
    async *[Symbol.asyncIterator](): AsyncGenerator<VideoFrame> {
      entered.push(first);
      made.running++;
      try {
        for (let index = seeks ? first : 0; index < frameCount; index++) {
          made.count++;
          const shown = first > 0 ? index + late : index;
          yield {
            data: new Uint8Array(side * side * 3).fill(shown),
            width: side,
            height: side,
            index,
            timeSec: index / 25,
          };
        }
      } finally {
        made.running--;
      }
    },
  });
  return { read, entered, made };
}

async function shown(frames: AsyncIterable<VideoFrame>): Promise<number[]> {
  const all: number[] = [];
  for await (const { index, data } of frames) {
    expect(data[0]).toBe(index);
    all.push(index);
    data.fill(255); // who gets a frame may change it
  }
  return all;
}

/** The rule as a formula. */
const folded = (k: number, frameCount: number) => {
  const at = frameCount === 1 ? 0 : k % (2 * frameCount - 2);
  return at < frameCount ? at : 2 * frameCount - 2 - at;
};

test.each([
  [5, 3],
  [5, 5],
  [5, 23],
  [1, 4],
  [2, 7],
  [250, 900],
])('backAndForth of %i frames gives %i, there and back without a jump', async (frameCount, count) => {
  const { read, made } = video(frameCount);
  expect(await shown(backAndForth(read, { count }))).toEqual(
    Array.from({ length: count }, (_, k) => folded(k, frameCount)),
  );
  expect(made.running).toBe(0);
});

test('backAndForth reads backwards in pieces of at most keepBytes', async () => {
  const { read, entered, made } = video(40);
  await shown(backAndForth(read, { count: 79, keepBytes: 10 * 48 }));
  expect(entered).toEqual([0, 29, 19, 9, 0]);
  expect(made.count).toBe(40 + 39);
});

test.each([{ late: 1 }, { seeks: false }])(
  'backAndForth gives the same frames where seeking is not exact: %j',
  async (kind) => {
    const { read } = video(40, kind);
    const logged: string[] = [];
    const all = await shown(backAndForth(read, { count: 90, keepBytes: 480, log: (line) => logged.push(line) }));
    expect(all).toEqual(Array.from({ length: 90 }, (_, k) => folded(k, 40)));
    expect(logged).toHaveLength(kind.late ? 1 : 0);
  },
);

test('backAndForth refuses a video that changes, an empty one and no count', async () => {
  let reads = 0;
  const other = (first: number) => video(20 + reads++, {}).read(first);
  await expect(
    shown(backAndForth((first) => (reads === 0 ? other(first) : video(8).read(first)), { count: 60 })),
  ).rejects.toThrow('the same frames each time');
  await expect(shown(backAndForth(video(0).read, { count: 1 }))).rejects.toThrow('a video with frames, got none');
  await expect(shown(backAndForth(video(3).read, { count: Number.NaN }))).rejects.toThrow(
    'options.count must be at least 0',
  );
  expect(await shown(backAndForth(video(3).read, { count: 0 }))).toEqual([]);
});
