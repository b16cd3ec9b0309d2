import { expect, test } from 'vitest';
import { StreamChanges } from './stream-changes';

const line = (text: string) => ({ level: 'info', text });
const frame = (microseconds: number, size: string) =>
  line(
    `[Parsed_showinfo_3 @ 0x5] n:   0 pts:${microseconds} pts_time:1 pos: 9 fmt:yuv420p sar:1/1 s:${size} i:P iskey:1 type:I `,
  );
const audio = (microseconds: number, what: string) =>
  line(
    `[Parsed_ashowinfo_3 @ 0x5] n:0 pts:${microseconds} pts_time:1 pos:-1 fmt:fltp ${what} nb_samples:1024 checksum:0`,
  );

test('StreamChanges tells what filters that are built anew begin with', () => {
  const changes = new StreamChanges();
  changes.add(frame(1_000_000, '512x512'));
  changes.add(audio(900_000, 'channels:2 chlayout:stereo rate:48000'));
  expect(changes.changes).toEqual([]);
  changes.add(frame(3_400_000, '384x384'));
  changes.add(audio(3_500_000, 'channels:1 chlayout:mono rate:44100'));
  changes.add(frame(5_000_000, '512x512'));
  expect(changes.changes.map(({ stream, timeSec }) => [stream, timeSec])).toEqual([
    ['video', 3.4],
    ['audio', 3.5],
    ['video', 5],
  ]);
  expect(changes.notes(1)).toEqual([
    'the frames change after 2.40 s from 512x512 yuv420p to 384x384 yuv420p, the first of 2 changes',
    'the audio changes after 2.50 s from stereo at 48000 Hz to mono at 44100 Hz',
  ]);
});

test('StreamChanges sees another frame rate, and none in a video of variable rate', () => {
  const steady = new StreamChanges();
  let time = 0;
  for (const step of [...Array(20).fill(0.04), ...Array(20).fill(0.02)]) steady.frameAt((time += step));
  expect(steady.changes).toEqual([
    { stream: 'video', timeSec: expect.closeTo(0.8), from: '25 frames a second', to: '50 frames a second' },
  ]);
  const variable = new StreamChanges();
  for (let index = 0; index < 200; index++)
    variable.frameAt((time += [0.033, 0.034, 0.05, 0.017, 0.066][(index * 7) % 5]));
  const rounded = new StreamChanges();
  for (let index = 0; index < 200; index++) rounded.frameAt(Math.round((1000 * index) / 60) / 1000);
  expect([variable.changes, rounded.changes]).toEqual([[], []]);
});
