import { expect, test } from 'vitest';
import { OutputLog } from './output-log';

const line = (text: string) => ({ level: 'info', text });
const piece = (pts: number | string, samples: number) =>
  line(
    `[ashowinfo@out @ 0x5] n:3 pts:${pts} pts_time:1 fmt:flt channels:1 rate:16000 nb_samples:${samples} checksum:0 `,
  );

test('OutputLog counts frames until the filters are built anew', () => {
  const log = new OutputLog('frames');
  for (const text of ['-1.000000', '0.000000', '-2.000000', '1.000000', '[h264 @ 0x5] 2.000000 x']) log.add(line(text));
  expect(log.changedAt).toBe(Number.POSITIVE_INFINITY);
  for (const text of ['-1.000000', '0.000000', '1.000000', '-1.000000']) log.add(line(text));
  expect(log.changedAt).toBe(2);
});

test('OutputLog sees filters that are built anew before they put anything out', () => {
  const log = new OutputLog('frames');
  for (const text of ['-1.000000', '-1.000000', '0.000000']) log.add(line(text));
  expect(log.changedAt).toBe(0);
});

test('OutputLog counts samples; a piece with silence in it is settled by the next one only', async () => {
  const log = new OutputLog('audio');
  log.add(line('-2.000000'));
  log.add(piece(0, 400));
  log.add(piece(400, 372));
  log.add(piece(772, 372));
  expect(log.settled).toBe(1144);
  log.add(piece(1144, 30_000));
  expect(log.settled).toBe(1144);
  await log.covers(31_144, false); // gives up
  log.add(line('-2.000000'));
  expect(log.changedAt).toBe(1144);
});

test('OutputLog gives back times, of audio in parts', () => {
  const frames = new OutputLog('frames', { timed: true });
  for (const text of ['-40000.000000', '-nan', '80000.000000']) frames.add(line(text));
  expect([1, 2, 3, 4].map(() => frames.take(1)?.time)).toEqual([-40_000, Number.NaN, 80_000, undefined]);
  const audio = new OutputLog('audio', { timed: true });
  audio.add(piece(1000, 300));
  audio.add(piece('NOPTS', 100));
  expect(audio.take(200)).toEqual({ time: 1000, units: 200 });
  expect(audio.take(200)).toEqual({ time: 1200, units: 100 });
  expect(audio.take(200)).toEqual({ time: Number.NaN, units: 100 });
});
