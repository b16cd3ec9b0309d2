import { expect, test } from 'vitest';
import { measureAudio } from './audio-level';

async function* pieces(samples: Float32Array, length: number) {
  for (let start = 0; start < samples.length; start += length) {
    yield { samples: samples.subarray(start, start + length), sampleRate: 100 };
  }
}

test('measureAudio finds length and peak, whatever the pieces', async () => {
  const samples = new Float32Array(105);
  samples[3] = -0.5;
  samples[104] = 0.25;
  for (const length of [1, 7, 105])
    expect(await measureAudio(pieces(samples, length))).toEqual({ samples: 105, sampleRate: 100, peak: 0.5 });
});

test('measureAudio of nothing is nothing, and refuses what is not finite', async () => {
  expect(await measureAudio(pieces(new Float32Array(0), 1))).toMatchObject({ samples: 0, peak: 0 });
  await expect(measureAudio(pieces(Float32Array.of(0, Number.NaN), 1))).rejects.toThrow(
    'measureAudio: samples must be finite, got NaN at sample 1',
  );
});
