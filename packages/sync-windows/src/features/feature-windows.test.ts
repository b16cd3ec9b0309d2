import { featureStream } from '@lipsync/audio-mel';
import type { SyncRecipe, Waveform } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { madeAudio } from '../testing/made-video';
import { similarity } from '../testing/made-windows';
import { cutFeatureWindow } from './feature-window';
import { FeatureWindows } from './feature-windows';

const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: similarity(1.18, 4),
  color: 'RGB',
  range: [-1, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};

async function* pieces(samples: Float32Array, length: number): AsyncGenerator<Waveform> {
  for (let at = 0; at < samples.length; at += length)
    yield { samples: samples.slice(at, at + length), sampleRate: 16000 };
}

test('FeatureWindows gives the windows of the whole audio, and none beyond its end', async () => {
  const audio = madeAudio(30 * 640);
  const stream = featureStream('THESIS_MEL');
  const data = Float32Array.from([...stream.push(audio), ...stream.end()]);
  const features = { data, bins: 80, steps: data.length / 80 };
  const windows = new FeatureWindows(pieces(audio, 999), recipe);
  expect(windows.first).toBe(0);
  for (const frame of [0, 1, 2, 9, 24])
    expect(await windows.read(frame)).toEqual(cutFeatureWindow(features, frame, { recipe }));
  expect(await windows.read(26)).toBeUndefined(); // 30 frames of audio are 97 steps: a window of 16 begins at 81 at the latest, frame 25
  await windows.close();
});

test('FeatureWindows refuses what it was told to forget, and closes the audio', async () => {
  let closed = false;
  const audio = (async function* () {
    try {
      yield* pieces(madeAudio(32000), 3200);
    } finally {
      closed = true;
    }
  })();
  const windows = new FeatureWindows(audio, recipe);
  await windows.read(4);
  windows.forget(4);
  await expect(windows.read(3)).rejects.toThrow('FeatureWindows.read: start must be at least 12');
  await windows.close();
  expect(closed).toBe(true);
});

test('windows of features that stand around their frames begin where the audio does', () => {
  const wide = { ...recipe, features: 'WAV2LIP_MEL', featureSteps: 52, frameCount: 5 } as SyncRecipe;
  const windows = new FeatureWindows(pieces(madeAudio(1600), 1600), wide);
  expect(windows.first).toBeGreaterThanOrEqual(0);
});
