import { voiceActivity } from '@lipsync/audio-mel';
import type { Waveform } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { madeTalk, voiceOf } from '../testing/made-talk';
import { SpeechFlags } from './speech-flags';

const SILENT_FROM = 400;
const talk = madeTalk(1250, 1).map((rows, t) => (t < SILENT_FROM || t >= 1000 ? rows : rows.map(() => 0)));
const audio = voiceOf(talk);

async function* pieces(length: number): AsyncGenerator<Waveform> {
  for (let at = 0; at < audio.samples.length; at += length)
    yield { samples: audio.samples.subarray(at, at + length), sampleRate: 16000 };
}

async function passed(length: number, stopAt = Infinity): Promise<SpeechFlags> {
  const speech = new SpeechFlags(25);
  let samples = 0;
  for await (const piece of speech.pass(pieces(length))) {
    samples += piece.samples.length;
    if (samples >= stopAt) break;
  }
  return speech;
}

test('SpeechFlags gives the share of speech of any frames, whatever the pieces', async () => {
  const [coarse, fine] = [await passed(1e9), await passed(1111)];
  const flags = voiceActivity({ samples: audio.samples.slice(0, 20 * 16000), sampleRate: 16000 });
  const share = (from: number, count: number) =>
    flags.subarray(from, from + count).reduce((sum, flag) => sum + flag, 0) / count;
  for (const [from, count] of [
    [0, 100],
    [350, 100],
    [420, 80],
  ])
    expect([coarse.share(from, count), fine.share(from, count)]).toEqual([share(from, count), share(from, count)]);
  expect(fine.share(600, 300)).toBe(0);
  expect(fine.share(1050, 150)).toBeGreaterThan(0.5);
});

test('SpeechFlags knows what has passed so far, also after the audio was read again', async () => {
  const speech = await passed(1000, 8 * 16000);
  const before = speech.share(0, 150);
  expect(before).toBeGreaterThan(0.5);
  expect(speech.share(300, 100)).toBeUndefined();
  for await (const _ of speech.pass(pieces(3000)));
  expect(speech.share(1050, 150)).toBeGreaterThan(0.5);
  expect(new SpeechFlags(25).share(0, 10)).toBeUndefined();
});
