import { speechLevel } from '@lipsync/audio-mel';
import { expect, test } from 'vitest';
import { madeAudio } from '../testing/made-video';
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
    expect(await measureAudio(pieces(samples, length))).toEqual({
      samples: 105,
      sampleRate: 100,
      peak: 0.5,
      clippedShare: 0,
    });
});

test('measureAudio of nothing is nothing, and refuses what is not finite', async () => {
  expect(await measureAudio(pieces(new Float32Array(0), 1))).toMatchObject({ samples: 0, peak: 0 });
  await expect(measureAudio(pieces(Float32Array.of(0, Number.NaN), 1))).rejects.toThrow(
    'measureAudio: samples must be finite, got NaN at sample 1',
  );
});

test('measureAudio gives the level of the speech, and the share of samples at full scale', async () => {
  const samples = madeAudio(32000);
  const once = async function* (values: Float32Array) {
    for (let at = 0; at < values.length; at += 999) yield { samples: values.subarray(at, at + 999), sampleRate: 16000 };
  };
  const level = await measureAudio(once(samples));
  expect(level.speechDb).toBe(speechLevel({ samples, sampleRate: 16000 }));
  const loud = samples.map((value) => Math.max(-1, Math.min(1, 20 * value)));
  const share = loud.filter((value) => Math.abs(value) === 1).length / loud.length;
  expect((await measureAudio(once(loud))).clippedShare).toBeCloseTo(share, 3); // measured 6.2e-5, two of 32000 samples
  expect(await measureAudio(once(new Float32Array(16000)))).not.toHaveProperty('speechDb');
});
