import { melSpectrogram, THESIS_MEL } from '@lipsync/audio-mel';
import { expect, test } from 'vitest';
import { featureSteps } from './feature-steps';

const samples = Float32Array.from({ length: 16000 * 4 }, (_, i) => Math.sin(i * i * 1e-6) / 2);
let closed = 0;
async function* pieces(length = 3333) {
  try {
    for (let start = 0; start < samples.length; start += length) {
      yield { samples: samples.subarray(start, start + length), sampleRate: 16000 };
    }
  } finally {
    closed++;
  }
}

test('a cursor reads the same steps as the mel of the whole, and fewer at its end', async () => {
  const whole = melSpectrogram({ samples, sampleRate: 16000 }, THESIS_MEL);
  const cursor = featureSteps(pieces(), 'THESIS_MEL', 'steps');
  for (const start of [0, 3, 90, 91, 200]) {
    cursor.forget(start);
    expect(await cursor.read(start, start + 32)).toEqual(whole.data.slice(start * 80, (start + 32) * 80));
  }
  expect(await cursor.read(whole.steps - 5, whole.steps + 27)).toHaveLength(5 * 80);
  expect(await cursor.read(whole.steps + 50, whole.steps + 82)).toHaveLength(0);
});

test('a cursor holds no more than what is not forgotten and one piece', async () => {
  const cursor = featureSteps(pieces(), 'THESIS_MEL', 'steps');
  for (let start = 0; start < 250; start += 10) {
    cursor.forget(start);
    await cursor.read(start, start + 32);
    expect(cursor.held).toBeLessThan(32 + 17 + 3); // 3333 samples are 17 steps
  }
  expect(() => cursor.forget(3)).not.toThrow();
  await expect(cursor.read(10, 11)).rejects.toThrow('steps: start must be at least 240');
});

test('a cursor that skips far ahead keeps nothing of what lies between', async () => {
  const whole = melSpectrogram({ samples, sampleRate: 16000 }, THESIS_MEL);
  const cursor = featureSteps(pieces(), 'THESIS_MEL', 'steps');
  await cursor.read(0, 4);
  cursor.forget(280);
  expect(await cursor.read(281, 291)).toEqual(whole.data.slice(281 * 80, 291 * 80));
  expect(cursor.held).toBeLessThan(11 + 17);
});

test('close ends the decoding', async () => {
  const before = closed;
  const cursor = featureSteps(pieces(), 'THESIS_MEL', 'steps');
  await cursor.read(0, 1);
  await cursor.close();
  await cursor.close();
  expect(closed).toBe(before + 1);
});
