import { audioFeatures, changeGain, featureStream, loudnessGain, speechLevel } from '@lipsync/audio-mel';
import { SPEECH_LOUDNESS, type SyncRecipe, type Waveform } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { madeAudio } from '../testing/made-video';
import { similarity } from '../testing/made-windows';
import { measureAudio } from '../tracked-video/audio-level';
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

const level = { ...recipe, loudness: SPEECH_LOUDNESS };

test('FeatureWindows brings the audio to the level of the recipe, the same windows however loud it is', async () => {
  const audio = madeAudio(30 * 640);
  const brought = changeGain(audio, loudnessGain(SPEECH_LOUDNESS, speechLevel({ samples: audio, sampleRate: 16000 })));
  const features = audioFeatures('THESIS_MEL').compute({ samples: brought, sampleRate: 16000 });
  for (const gainDb of [0, -20, -40]) {
    const changed = changeGain(audio, gainDb);
    const loudness = { level: await measureAudio(pieces(changed, 3000)) };
    const windows = new FeatureWindows(pieces(changed, 999), level, loudness);
    for (const frame of [0, 7, 24]) {
      const wanted = cutFeatureWindow(features, frame, { recipe });
      const found = (await windows.read(frame)) as Float32Array;
      if (gainDb === 0) expect(found).toEqual(wanted);
      // measured 1.9e-6: a gain and back rounds each sample twice
      expect(Math.max(...found.map((value, i) => Math.abs(value - wanted[i])))).toBeLessThan(1e-5);
    }
    await windows.close();
  }
});

test('FeatureWindows follows a live stream, whose level is not known yet', async () => {
  const audio = changeGain(madeAudio(250 * 640), -30);
  const windows = new FeatureWindows(pieces(audio, 999), level, 'running');
  const known = new FeatureWindows(pieces(audio, 999), level, { level: await measureAudio(pieces(audio, 999)) });
  const frame = 200;
  const [live, whole] = [await windows.read(frame), await known.read(frame)] as [Float32Array, Float32Array];
  const mean = live.reduce((sum, value, i) => sum + Math.abs(value - whole[i]), 0) / live.length;
  expect(mean).toBeLessThan(0.16); // 2 dB
  await windows.close();
  await known.close();
});

test('FeatureWindows refuses to guess how loud audio is', () => {
  expect(() => new FeatureWindows(pieces(madeAudio(640), 640), level)).toThrow(
    "loudness must be given, as the recipe's",
  );
});

test('FeatureWindows takes logits as they are, one step a frame, centred on the frames', async () => {
  const logits: SyncRecipe = { ...recipe, features: 'ASR_LOGITS', featureSteps: 9 };
  const data = Float32Array.from({ length: 20 * 29 }, (_, i) => Math.sin(i));
  const windows = new FeatureWindows({ data, steps: 20, bins: 29 }, logits);
  expect(windows.first).toBe(2);
  for (const frame of [2, 9, 13]) {
    const window = (await windows.read(frame)) as Float32Array;
    expect(window).toHaveLength(29 * 9);
    // [bins, steps]: the first step is that of two frames before.
    for (const [bin, step] of [
      [0, 0],
      [3, 0],
      [28, 8],
    ])
      expect(window[bin * 9 + step]).toBe(data[(frame - 2 + step) * 29 + bin]);
  }
  expect(await windows.read(14)).toBeUndefined(); // 12 + 9 steps, of 20
  await expect(windows.read(1)).rejects.toThrow('FeatureWindows.read: start must be');
  await windows.close();
});
