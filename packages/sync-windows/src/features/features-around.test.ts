import { audioFeatures } from '@lipsync/audio-mel';
import type { Waveform } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { audioOfLength, FeaturesAround } from './features-around';

const samples = Float32Array.from({ length: 32000 }, (_, i) => Math.sin(i * i * 1e-6) / 2);
async function* pieces(length = 5000): AsyncGenerator<Waveform> {
  for (let start = 0; start < samples.length; start += length)
    yield { samples: samples.slice(start, start + length), sampleRate: 16000 };
}

test('mel windows stand around their frame, the ends repeated, as DINetLoader cuts them', async () => {
  const { data, steps, bins } = audioFeatures('THESIS_MEL').compute({ samples, sampleRate: 16000 });
  const audio = new FeaturesAround(pieces(), { features: 'THESIS_MEL', steps: 16 });
  expect(audio.bins).toBe(80);
  for (const frame of [0, 1, 2, 3, 20, 47, 49, 60]) {
    const window = await audio.window(frame);
    const expected = window.map((_, i) => {
      const at = Math.min(steps - 1, Math.max(0, Math.floor((80 * (frame - 2)) / 25) + (i % 16)));
      return data[at * bins + Math.floor(i / 16)];
    });
    expect(window).toEqual(expected);
  }
  await audio.close();
  await audio.close();
});

test('windows of logits are centred on their frame', async () => {
  const logits = { data: Float32Array.from({ length: 58 * 10 }, (_, i) => Math.floor(i / 29)), steps: 20, bins: 29 };
  const audio = new FeaturesAround(logits, { features: 'ASR_LOGITS', steps: 5 });
  const first = async (frame: number) => [...(await audio.window(frame)).subarray(0, 5)];
  expect(await first(0)).toEqual([0, 0, 0, 1, 2]);
  expect(await first(7)).toEqual([5, 6, 7, 8, 9]);
  expect(await first(19)).toEqual([17, 18, 19, 19, 19]);
  expect(await first(400)).toEqual([19, 19, 19, 19, 19]);
  await audio.close();
});

test('audioOfLength cuts and fills up', async () => {
  for (const wanted of [100, 12_345, 32_000, 90_001]) {
    const all: number[] = [];
    for await (const piece of audioOfLength(pieces(), wanted)) {
      expect(piece.samples.length).toBeLessThanOrEqual(16000);
      all.push(...piece.samples);
    }
    expect(all.length).toBe(wanted);
    expect(all.findIndex((value, i) => value !== (samples[i] ?? 0))).toBe(-1);
  }
});

test('FeaturesAround refuses windows and audio tracks without a step', async () => {
  expect(() => new FeaturesAround(pieces(), { features: 'THESIS_MEL', steps: 0 })).toThrow('options.steps');
  expect(
    () => new FeaturesAround({ data: new Float32Array(0), steps: 0, bins: 29 }, { features: 'ASR_LOGITS', steps: 5 }),
  ).toThrow('at least one step');
});
