import { expect, test } from 'vitest';
import { joinWaveform } from './join-waveform';

async function* pieces(...parts: [number[], number][]) {
  for (const [samples, sampleRate] of parts) yield { samples: new Float32Array(samples), sampleRate };
}

test('joinWaveform puts the pieces one after the other', async () => {
  const { samples, sampleRate } = await joinWaveform(pieces([[1, 2], 8], [[3], 8]));
  expect([...samples]).toEqual([1, 2, 3]);
  expect(sampleRate).toBe(8);
});

test('joinWaveform refuses no pieces and several rates', async () => {
  await expect(joinWaveform(pieces())).rejects.toThrow('pieces must be at least one, got 0');
  await expect(joinWaveform(pieces([[1], 8], [[1], 16]))).rejects.toThrow('of one sample rate (8), got 16');
});
