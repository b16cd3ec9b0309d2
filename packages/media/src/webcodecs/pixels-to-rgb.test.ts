import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ffmpeg, SKIPPED } from '../testing/clips';
import { knowsFormat, regionToRgb } from './pixels-to-rgb';

const [WIDTH, HEIGHT] = [64, 48];
const WHOLE = { left: 0, top: 0, width: WIDTH, height: HEIGHT };

/** Reproducible bytes: every luma with every chroma in time. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

const I420 = [
  { offset: 0, stride: WIDTH },
  { offset: WIDTH * HEIGHT, stride: WIDTH / 2 },
  { offset: (WIDTH * HEIGHT * 5) / 4, stride: WIDTH / 2 },
];

/** RGB by ffmpeg; its SIMD conversion is that of x86. */
async function byFfmpeg(data: Uint8Array, filters: string): Promise<Uint8Array> {
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-i', 'pipe:0'];
  const output = [
    '-vf',
    `${filters}scale=${WIDTH}:${HEIGHT}:flags=bicubic`,
    '-f',
    'rawvideo',
    '-pix_fmt',
    'rgb24',
    'pipe:1',
  ];
  const run = promisify(execFile)(ffmpeg!.path, ['-v', 'error', ...input, ...output], { encoding: 'buffer' });
  run.child.stdin!.end(data);
  return new Uint8Array((await run).stdout);
}

describe.skipIf(!ffmpeg || process.arch !== 'x64')(`regionToRgb${SKIPPED || ' (x86 only)'}`, () => {
  test.each([
    [null, false, ''],
    ['smpte170m', false, ''],
    ['bt709', false, 'setparams=colorspace=bt709,'],
    ['bt2020-ncl', false, 'setparams=colorspace=bt2020nc,'],
    [null, true, 'setparams=range=pc,'],
  ])("with the matrix %s, full range %s, is ffmpeg's conversion, bit for bit", async (matrix, fullRange, filters) => {
    const data = noise(WIDTH * HEIGHT * 1.5);
    const frame = { data, format: 'I420', width: WIDTH, height: HEIGHT, planes: I420, matrix, fullRange };
    expect(regionToRgb(frame, WHOLE)).toEqual(await byFfmpeg(data, filters));
  });
});

test('regionToRgb takes chroma that is interleaved, of half width, or of full size', () => {
  const data = noise(WIDTH * HEIGHT * 1.5);
  const size = { width: WIDTH, height: HEIGHT };
  const expected = regionToRgb({ data, format: 'I420', ...size, planes: I420 }, WHOLE);
  const [luma, u, v] = I420;
  const interleaved = new Uint8Array(data.length);
  interleaved.set(data.subarray(0, WIDTH * HEIGHT));
  for (let i = 0; i < (WIDTH * HEIGHT) / 4; i++) {
    interleaved[WIDTH * HEIGHT + 2 * i] = data[u.offset + i];
    interleaved[WIDTH * HEIGHT + 2 * i + 1] = data[v.offset + i];
  }
  const planes = [luma, { offset: u.offset, stride: WIDTH }];
  expect(regionToRgb({ data: interleaved, format: 'NV12', ...size, planes }, WHOLE)).toEqual(expected);
  const wide = (across: number) => {
    const columns = WIDTH >> across;
    const all = new Uint8Array(WIDTH * HEIGHT + 2 * columns * HEIGHT);
    all.set(data.subarray(0, WIDTH * HEIGHT));
    for (const [i, { offset }] of [u, v].entries()) {
      for (let y = 0; y < HEIGHT; y++)
        for (let x = 0; x < columns; x++)
          all[WIDTH * HEIGHT + (i * HEIGHT + y) * columns + x] = data[offset + (y >> 1) * 32 + (x >> (1 - across))];
    }
    const place = (i: number) => ({ offset: WIDTH * HEIGHT + i * HEIGHT * columns, stride: columns });
    return { data: all, planes: [luma, place(0), place(1)] };
  };
  expect(regionToRgb({ format: 'I422', ...size, ...wide(1) }, WHOLE)).toEqual(expected);
  expect(regionToRgb({ format: 'I444', ...size, ...wide(0) }, WHOLE)).toEqual(expected);
});

test('regionToRgb gives the part of the whole that is asked for, odd places too', () => {
  const frame = { data: noise(WIDTH * HEIGHT * 1.5), format: 'I420', width: WIDTH, height: HEIGHT, planes: I420 };
  const whole = regionToRgb(frame, WHOLE);
  const part = regionToRgb(frame, { left: 5, top: 3, width: 9, height: 4 });
  const rows = Array.from({ length: 4 }, (_, y) => [...whole.subarray(3 * ((y + 3) * WIDTH + 5)).subarray(0, 27)]);
  expect([...part]).toEqual(rows.flat());
});

test('regionToRgb takes pixels of four bytes as they are', () => {
  const planes = [{ offset: 0, stride: 8 }];
  const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const region = { left: 0, top: 0, width: 2, height: 1 };
  const frame = { data, width: 2, height: 1, planes };
  expect([...regionToRgb({ ...frame, format: 'RGBX' }, region)]).toEqual([1, 2, 3, 5, 6, 7]);
  expect([...regionToRgb({ ...frame, format: 'BGRA' }, region)]).toEqual([3, 2, 1, 7, 6, 5]);
});

test('knowsFormat is false for formats of more than 8 bits and for frames on a graphics card', () => {
  expect(['I420', 'NV12', 'BGRX', 'I420P10', null].map(knowsFormat)).toEqual([true, true, true, false, false]);
});
