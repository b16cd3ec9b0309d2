import { expect, test } from 'vitest';
import { measureAudio, peakBetween } from './audio-level';

async function* pieces(samples: Float32Array, length: number) {
  for (let start = 0; start < samples.length; start += length) {
    yield { samples: samples.subarray(start, start + length), sampleRate: 100 };
  }
}

test('measureAudio finds peaks in blocks of a fifth of a second, whatever the pieces', async () => {
  const samples = new Float32Array(105); // blocks of 20 samples
  samples[3] = -0.5;
  samples[45] = 0.25;
  samples[104] = 1;
  for (const length of [1, 7, 105]) {
    const level = await measureAudio(pieces(samples, length));
    expect(level).toMatchObject({ samples: 105, sampleRate: 100, peak: 1 });
    expect([...level.blockPeaks]).toEqual([0.5, 0, 0.25, 0, 0, 1]);
    expect([peakBetween(level, 0, 0.2), peakBetween(level, 0.2, 0.4), peakBetween(level, 0.3, 0.5)]).toEqual([
      0.5, 0, 0.25,
    ]);
    expect([peakBetween(level, 1, 9), peakBetween(level, 2, 9)]).toEqual([1, 0]);
  }
});

test('measureAudio of nothing is nothing, and refuses what is not finite', async () => {
  expect(await measureAudio(pieces(new Float32Array(0), 1))).toMatchObject({ samples: 0, peak: 0 });
  await expect(measureAudio(pieces(Float32Array.of(0, Number.NaN), 1))).rejects.toThrow(
    'measureAudio: samples must be finite, got NaN at sample 1',
  );
});
