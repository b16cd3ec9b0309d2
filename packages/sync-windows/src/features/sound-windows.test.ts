import type { SyncRecipe, Waveform } from '@lipsync/contracts';
import { featureStream } from '@lipsync/audio-mel';
import { expect, test } from 'vitest';
import { madeSound } from '../testing/made-video';
import { similarity } from '../../../dataloader/src/testing/made-clips';
import { cutMelWindow } from './mel-window';
import { SoundWindows } from './sound-windows';

const recipe: SyncRecipe = { frames: 5, fps: 25, crop: similarity(1.18, 4), color: 'RGB', range: [-1, 1], mel: 'THESIS_MEL', melSteps: 16 };

async function* pieces(samples: Float32Array, length: number): AsyncGenerator<Waveform> {
  for (let at = 0; at < samples.length; at += length) yield { samples: samples.slice(at, at + length), sampleRate: 16000 };
}

test('SoundWindows gives the windows of the whole sound, and none beyond its end', async () => {
  const sound = madeSound(30 * 640);
  const stream = featureStream('THESIS_MEL');
  const data = Float32Array.from([...stream.push(sound), ...stream.end()]);
  const mel = { data, bins: 80, steps: data.length / 80 };
  const windows = new SoundWindows(pieces(sound, 999), recipe);
  expect(windows.first).toBe(0);
  for (const frame of [0, 1, 2, 9, 24]) expect(await windows.read(frame)).toEqual(cutMelWindow(mel, frame, { recipe }));
  expect(await windows.read(26)).toBeUndefined(); // 30 pictures of sound are 97 steps: a window of 16 begins at 81 at the latest, picture 25
  await windows.close();
});

test('SoundWindows refuses what it was told to forget, and closes the sound', async () => {
  let closed = false;
  const sound = (async function* () {
    try {
      yield* pieces(madeSound(32000), 3200);
    } finally {
      closed = true;
    }
  })();
  const windows = new SoundWindows(sound, recipe);
  await windows.read(4);
  windows.forget(4);
  await expect(windows.read(3)).rejects.toThrow('MelCursor.read: start must be at least 12');
  await windows.close();
  expect(closed).toBe(true);
});

test('windows of features that stand around their pictures begin where the sound does', () => {
  const wide = { ...recipe, mel: 'WAV2LIP_MEL', melSteps: 52, frames: 5 } as SyncRecipe;
  const windows = new SoundWindows(pieces(madeSound(1600), 1600), wide);
  expect(windows.first).toBeGreaterThanOrEqual(0);
});
